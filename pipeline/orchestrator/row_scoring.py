"""What scoring the backlog of one row works with: made for the run itself, or for a hand of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from pipeline.db import models
from pipeline.db.transactions import consult
from pipeline.errors import RowError
from pipeline.orchestrator.leasing import Guard
from pipeline.orchestrator.progress import Progress
from pipeline.orchestrator.routing import Routes, router_of
from pipeline.orchestrator.run_context import RunContext, recover
from pipeline.orchestrator.service_access import LANGUAGE, LOCAL, GroupAccess
from pipeline.ports import Executor
from pipeline.scoring.charging import CountedReaders
from pipeline.scoring.reuse import Reuse
from pipeline.scoring.service import ServiceScoring
from pipeline.scoring.spending import Spending
from pipeline.scoring.stage import ScoringContext, Tally
from pipeline.scoring.texts import TextScoring
from pipeline.types import FormType, ModelVersion


@dataclass(frozen=True, slots=True)
class RowScoring:
    """One row and the version that scores it. `run_id`: the run that claims."""

    context: RunContext
    run_id: int
    row: FormType
    version: ModelVersion
    guard: Guard
    routes: Routes = field(default_factory=Routes)

    def scoring(self, spending: Spending) -> ScoringContext:
        """Of the whole backlog, silently. Raises RowError where nothing can be begun."""
        context = self.context
        return ScoringContext(
            database=context.sources.database,
            executor=self._executor(spending),
            now=context.sources.now,
            guard=self.guard,
            stopping=context.ending,
            progress=lambda tally: None,
            run_id=self.run_id,
            recover=lambda: recover(context),
            spending=spending,
            router=router_of(context.sources, self.row, self.routes, context.limits.min_confidence),
            accounts=self.routes.accounts,
        )

    def _executor(self, spending: Spending) -> Executor:
        """Worker processes for the local engine; for a service, what submits and asks."""
        context, row, version = self.context, self.row, self.version
        if version.engine == LOCAL:
            self._lay_out()
            return CountedReaders(context.readers, spending) if spending.limited else context.readers
        storage = context.sources.storages.of(row.secrets.scoring)
        seconds = context.services.seconds
        taken_over = row.on_rename == "reuse" and not row.routes  # a router needs the classes themselves
        reuse = Reuse(context.sources.database, storage, row, version.id) if taken_over else None
        if version.engine == LANGUAGE:
            texts = self._access().text_driver(row, version.api_version)
            return TextScoring(
                texts, context.readers, storage, version, context.scratch, seconds, spending, reuse
            )
        driver = self._access().driver(row, version.engine, version.api_version)
        chooses_pages = context.sources.services[version.engine].version(version.api_version).pages
        return ServiceScoring(
            driver,
            context.readers,
            storage,
            version,
            context.scratch,
            seconds,
            spending,
            chooses_pages,
            reuse,
        )

    def _access(self) -> GroupAccess:
        context = self.context
        return GroupAccess(
            context.services,
            context.sources.database,
            context.terms,
            self.guard,
            context.ending,
            self.run_id,
        )

    def _lay_out(self) -> None:
        file = self.context.scratch / self.version.service_model_id
        if not file.exists():
            file.write_bytes(bundle_of(self.context, self.version))


def bundle_of(context: RunContext, version: ModelVersion) -> bytes:
    """The bytes of a local model. Raises RowError `model-missing`."""
    database = context.sources.database
    content = consult(database, partial(models.load_bundle, version_id=version.id))
    if content is None:
        raise RowError(
            f"the model of version {version.version} is no longer stored: set model_id to -1",
            reason="model-missing",
        )
    return content


def progress_of(context: RunContext, form_type: str, total: int) -> Callable[[Tally], None]:
    """Tells how much of a backlog of `total` documents is done."""

    def progress(tally: Tally) -> None:
        counts = {"dead": tally.dead, "unrouted": tally.unrouted}
        note = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        context.listener(Progress(form_type, "score", tally.finished, total, note))

    return progress
