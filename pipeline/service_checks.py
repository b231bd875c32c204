"""What stands in the way of a row of a service, found out before anything is paid: secrets, signatures, the
resource itself. Asks, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import cast

from pipeline.accounts import BlobStorages
from pipeline.errors import FormpipeError
from pipeline.orchestrator.service_access import LANGUAGE
from pipeline.orchestrator.text_training import PREVIEWS
from pipeline.ports import RemoteEngine, TextService
from pipeline.texts import TextModelId
from pipeline.types import AccountNames, Finding, FormType
from pipeline.wiring import App, remote_engines

_NEARLY_FULL = 0.9


def check_service(app: App, row: FormType, now: datetime) -> Iterator[Finding]:
    """Findings of the secrets, the storage accounts and the resource that a row names."""
    yield from _signatures(app, row, now)
    if row.engine != "local":
        engine_of = remote_engines(app)
        asked = _project if row.engine == LANGUAGE else _resource
        yield from asked(row, lambda: engine_of(row.secrets, row.engine, row.api_version))


def _signatures(app: App, row: FormType, now: datetime) -> Iterator[Finding]:
    if not isinstance(app.storages, BlobStorages):
        if row.engine != "local":
            trained = row.model_id not in (None, "", "-1")
            yield Finding(
                "warning" if trained else "error",
                "storage-not-reachable",
                row.training_container,
                "A service cannot read a folder of this machine, so it cannot train from it: set storage = "
                '"azure-blob", or set model_id to a model that the resource has already.',
            )
        return
    seconds = app.settings.training_timeout_seconds
    until = now + timedelta(seconds=seconds)
    needs = "rwl" if row.engine != "local" else "rl"
    yield from _signature(app.storages, row.secrets.training, row.training_container, needs, until, now)
    scoring = "rwl" if row.output_folder is not None else "rl"
    yield from _signature(app.storages, row.secrets.scoring, row.scoring_container, scoring, until, now)


def _signature(
    storages: BlobStorages, names: AccountNames, container: str, needs: str, until: datetime, now: datetime
) -> Iterator[Finding]:
    from pipeline.storage.probe import probe

    yield from probe(storages.of(names), container, needs=needs, until=until, now=now)


def _project(row: FormType, client_of: Callable[[], RemoteEngine | TextService]) -> Iterator[Finding]:
    """Whether the Language service answers: with the deployments of the row's project, or that there is none.
    The previews were never documented to tell."""
    if row.api_version in PREVIEWS:
        return
    named = TextModelId.parse(row.model_id or "")
    project = named.project if named else row.group
    try:
        next(iter(cast(TextService, client_of()).deployments(project)), None)
    except FormpipeError as error:
        if named or error.reason != "project-missing":
            yield Finding("error", error.reason, f"{row.engine} {row.api_version}", str(error))


def _resource(row: FormType, client_of: Callable[[], RemoteEngine | TextService]) -> Iterator[Finding]:
    where = f"{row.engine} {row.api_version}"
    try:
        quota = cast(RemoteEngine, client_of()).quota()
    except FormpipeError as error:
        yield Finding("error", error.reason, where, str(error))
        return
    if quota.limit and quota.count >= quota.limit * _NEARLY_FULL:
        yield _warning(
            "model-quota",
            where,
            f"The resource holds {quota.count} of {quota.limit} custom models: `formpipe models prune` "
            "deletes those that no row uses.",
        )


def _warning(code: str, subject: str, message: str) -> Finding:
    return Finding("warning", code, subject, message)
