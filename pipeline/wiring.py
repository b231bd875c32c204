"""Settings to live objects: the only place that knows which adapter stands behind which port."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from sqlalchemy import Engine

from pipeline import worker
from pipeline.accounts import StorageSetup, open_storages
from pipeline.db import schema
from pipeline.db.budgets import DatabaseBudget
from pipeline.db.clock import DatabaseClock
from pipeline.db.connection import open_database
from pipeline.db.sign_in import SignIn
from pipeline.errors import RowError, RunError
from pipeline.executors.processes import ProcessExecutor, WorkerLimits
from pipeline.operations.pace import Pace, Paces
from pipeline.orchestrator.allowance import Allowance, RunLimits
from pipeline.orchestrator.leasing import LeaseTerms, this_holder
from pipeline.orchestrator.progress import Listener
from pipeline.orchestrator.run_context import RunContext
from pipeline.orchestrator.service_access import EngineOf, ServiceAccess
from pipeline.orchestrator.survey import Sources
from pipeline.orchestrator.watching import Observer
from pipeline.outlets import Outlets
from pipeline.ports import Engine as FormEngine
from pipeline.ports import RemoteEngine, Secrets, Sinks, Storages, TextService
from pipeline.prices import load_prices
from pipeline.scoring.stage import ScoringLimits
from pipeline.secrets.chain import SecretSources, open_secrets
from pipeline.services import Service, load_services
from pipeline.settings import Settings, load_settings
from pipeline.types import SecretNames

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from pipeline.remote_engines import Called, RemoteEngines

_SCRATCH = "formpipe-run-"


@dataclass(frozen=True, slots=True)
class App:
    """What every command works with."""

    settings: Settings
    database: Engine
    storages: Storages
    secrets: Secrets
    services: Mapping[str, Service]
    sinks: Sinks
    clock: DatabaseClock

    def lease_terms(self) -> LeaseTerms:
        """Terms of a new holder in this process, by the database's clock."""
        return LeaseTerms(this_holder(), self.settings.lease_seconds, self.clock.now, self.clock.sync)

    @property
    def sources(self) -> Sources:
        return Sources(self.database, self.storages, self.services, self.clock.now)


def utc_now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(UTC)


def open_app(settings: Settings | None = None, *, upgrade: bool = False) -> App:
    """Open the database and storage of the settings. Raises RunError where the schema is not current,
    unless `upgrade` may bring it there."""
    settings = settings or load_settings()
    database = open_settings_database(settings)
    if upgrade:
        schema.upgrade(database)
    else:
        schema.require_current(database)
    setup = _storage_setup(settings)
    secrets = open_secrets(setup.secrets)
    storages, sinks = open_storages(setup, secrets), Outlets(settings, secrets)
    return App(settings, database, storages, secrets, load_services(), sinks, DatabaseClock(database))


def open_settings_database(settings: Settings) -> Engine:
    """The database of the settings, signed in to as they say; nothing is connected yet. Raises RunError."""
    url = settings.database_url.get_secret_value()
    if settings.database_auth == "entra-token":
        return open_database(url, SignIn(token=_entra_token()))
    name = settings.database_password_secret
    if name is None:
        return open_database(url)
    secrets = open_secrets(_storage_setup(settings).secrets)
    return open_database(url, SignIn(password=lambda: secrets.get(name, fresh=True)))


def _entra_token() -> Callable[[str], str]:
    """Access tokens by scope; azure-identity keeps one for as long as it is good."""
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError:
        raise RunError(
            "database_auth entra-token needs more packages: pip install 'formpipe[azure]'",
            reason="azure-not-installed",
        ) from None
    return token_of(DefaultAzureCredential())


def token_of(credential: TokenCredential) -> Callable[[str], str]:
    """Tokens of a credential. What it says when it has none is told by its kind only: it quotes much."""

    def token(scope: str) -> str:
        try:
            return credential.get_token(scope).token
        except Exception as error:
            raise RunError(
                f"no access token for the database ({type(error).__name__}): sign in with `az login`, give "
                "this machine a managed identity, or set FORMPIPE_DATABASE_AUTH to password",
                reason="database-sign-in",
            ) from None

    return token


@contextmanager
def run_context(
    app: App,
    stopping: Callable[[], bool],
    listener: Listener,
    limits: RunLimits | None = None,
    observer: Observer | None = None,
) -> Iterator[RunContext]:
    """Workers and limits for one run; the workers end with it. `limits`: those of the settings for None."""
    observer = observer or Observer()
    settings = app.settings
    allowance = Allowance(limits or settings_limits(settings), load_prices(settings.service_tier))

    def ending() -> bool:
        return stopping() or allowance.over_time is not None

    sweep_scratch(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(
        prefix=f"{_SCRATCH}{os.getpid()}-", ignore_cleanup_errors=True
    ) as folder:
        scratch = Path(folder)
        readers = _workers(settings, scratch, settings.workers, settings.reader_memory_mb)
        trainer = _workers(settings, scratch, 1, settings.training_memory_mb)
        try:
            yield RunContext(
                sources=app.sources,
                readers=readers,
                trainer=trainer,
                services=ServiceAccess(
                    remote_engines(app, ending, observer.called),
                    settings.operation_timeout_seconds,
                    Paces(Pace(first=settings.poll_seconds)),
                ),
                terms=app.lease_terms(),
                limits=_limits(settings),
                training_timeout=settings.training_timeout_seconds,
                scratch=scratch,
                stopping=stopping,
                listener=listener,
                sinks=app.sinks,
                allowance=allowance,
                observer=observer,
            )
        finally:
            readers.close()
            trainer.close()


def settings_limits(settings: Settings) -> RunLimits:
    """What the settings allow a whole run."""
    return RunLimits(
        settings.run_max_pages,
        settings.run_max_cost,
        settings.run_max_train_runs,
        settings.run_max_minutes,
    )


def remote_engines(
    app: App, stopping: Callable[[], bool] = lambda: False, called: Called | None = None
) -> EngineOf:
    """Clients of services, made when a row first needs one; their packages are an extra. They stay under the
    limits of a service together with all processes on this database, and wait no more when `stopping`.
    Calls raise RowError `azure-not-installed` without the packages."""
    made: list[RemoteEngines] = []

    def engine_of(names: SecretNames, engine: str, api_version: str | None) -> RemoteEngine | TextService:
        if not made:
            try:
                from pipeline.remote_engines import RemoteEngines
            except ImportError:
                raise RowError(
                    "a service needs more packages: pip install 'formpipe[azure]'",
                    reason="azure-not-installed",
                ) from None
            budget_of = partial(DatabaseBudget, app.database)
            made.append(
                RemoteEngines(
                    app.secrets, app.services, app.settings, budget_of, stopping, called or Observer().called
                )
            )
        return made[0].of(names, engine, api_version)

    return engine_of


def sweep_scratch(folder: Path) -> None:
    """Remove the scratch folders of runs of this user that were killed."""
    for left in folder.glob(f"{_SCRATCH}*-*"):
        pid = left.name.removeprefix(_SCRATCH).partition("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(left, ignore_errors=True)


def local_engine(settings: Settings) -> FormEngine:
    """An engine in this process, for reading single files; it has no models."""
    from pipeline.engines.local import LocalEngine

    def no_bundle(model_id: str) -> bytes:
        raise KeyError(model_id)

    return LocalEngine(no_bundle, dpi=settings.render_dpi)


def _workers(settings: Settings, scratch: Path, count: int, memory_mb: int) -> ProcessExecutor:
    setup = worker.WorkerSetup(_storage_setup(settings), scratch, settings.render_dpi)
    limits = WorkerLimits(count, memory_mb, settings.documents_per_reader)
    return ProcessExecutor(worker.perform, worker.prepare, (setup,), limits)


def _storage_setup(settings: Settings) -> StorageSetup:
    dotenv, vault, scope = settings.dotenv_file, settings.key_vault_url, settings.databricks_secret_scope
    sources = SecretSources(dotenv.resolve(), vault, scope)
    return StorageSetup(settings.storage, settings.storage_root.resolve(), sources)


def _limits(settings: Settings) -> ScoringLimits:
    return ScoringLimits(
        timeout=settings.read_timeout_seconds,
        batch=settings.batch_documents,
        retry_delay=settings.retry_delay_seconds,
        max_pages=settings.max_pages,
        min_confidence=settings.min_confidence,
    )
