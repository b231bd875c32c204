"""Where the hands of a run work, as the settings say: in this process's workers, or in Spark."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from pydantic import SecretStr
from sqlalchemy import Engine, make_url

from pipeline import hand
from pipeline.db import models
from pipeline.db.schema import sqlite_file
from pipeline.db.spans import Span
from pipeline.db.transactions import consult
from pipeline.errors import AttemptError, RunError
from pipeline.executors.spark import SparkTasks, is_local, open_spark
from pipeline.orchestrator.orders import HANDS_LOST, Crew, HandReport, Order
from pipeline.orchestrator.service_access import LOCAL
from pipeline.settings import Settings
from pipeline.wiring import App

_PASSWORDS = {"password", "pwd"}


@contextmanager
def open_crew(app: App) -> Iterator[Crew | None]:
    """The crew of the settings, None for the workers of this machine. Raises RunError: those of `open_spark`,
    `spark-database-password`, `spark-database-local`, `spark-storage-local`."""
    settings = app.settings
    if settings.executor == "local":
        yield None
        return
    require_no_password(settings)
    tasks = open_spark(settings.spark_master)
    try:
        require_reachable(settings, app.database, tasks.master)
        yield SparkCrew(tasks, app.database, travelling(settings, app.database)).crew
    finally:
        tasks.close()


class SparkCrew:
    """Hands as tasks of Spark. A model's bytes travel once."""

    def __init__(
        self,
        tasks: SparkTasks,
        database: Engine,
        settings: Mapping[str, object],
        perform: Callable[[hand.HandSetup, Span], str] = hand.perform,
    ) -> None:
        self._tasks = tasks
        self._perform = perform
        self._database = database
        self._settings = settings
        self._order: Order | None = None
        self._setup: hand.HandSetup | None = None

    @property
    def crew(self) -> Crew:
        """As a run takes it."""
        return Crew(self._tasks.slots, self.send, self._tasks.cancel)

    def send(self, order: Order, spans: Sequence[Span]) -> list[HandReport]:
        """Raises AttemptError `hands-lost`."""
        name = order.row.form_type
        title = (
            f"formpipe run {order.run_id}: scoring {name}, documents {spans[0].after} to {spans[-1].until}"
        )
        told = self._tasks.perform(
            self._perform, self._setup_of(order), spans, title=title, tag=f"formpipe-{order.run_id}-{name}"
        )
        if any(each is None for each in told):
            raise AttemptError(f"Spark gave no answer: {title}", reason=HANDS_LOST)
        return [HandReport.of(json.loads(each)) for each in told]

    def _setup_of(self, order: Order) -> hand.HandSetup:
        if self._setup is None or self._order is not order:
            content = None
            if order.version.engine == LOCAL:
                version = order.version.id
                content = consult(self._database, lambda connection: models.load_bundle(connection, version))
            bundle = None if content is None else self._tasks.share(content)
            self._order, self._setup = order, hand.HandSetup(self._settings, order, bundle)
        return self._setup


def require_no_password(settings: Settings) -> None:
    """Raises RunError `spark-database-password`: what travels to Spark's processes holds no secret."""
    url = make_url(settings.database_url.get_secret_value())
    told = {name.lower() for name in url.query}
    if url.password is not None or told & _PASSWORDS or "odbc_connect" in told:
        raise RunError(
            "database_url holds a password, or may, which would travel to all of Spark's processes: take it "
            "out, and name its secret in FORMPIPE_DATABASE_PASSWORD_SECRET, or set FORMPIPE_DATABASE_AUTH to "
            "entra-token",
            reason="spark-database-password",
        )


def require_reachable(settings: Settings, database: Engine, master: str | None) -> None:
    """Raises RunError `spark-database-local`, `spark-storage-local` for what only this machine has, where
    Spark has others."""
    if is_local(master):
        return
    if database.dialect.name == "sqlite":
        raise RunError(
            "Spark's other machines cannot write into a SQLite file of this one: set database_url to "
            "PostgreSQL or SQL Server, or run with --master 'local[*]'",
            reason="spark-database-local",
        )
    if settings.storage == "folder" and not settings.spark_storage_shared:
        raise RunError(
            f"Spark's other machines may not have the folder {settings.storage_root}: set storage to "
            "azure-blob, or, where it is mounted at the same place everywhere, FORMPIPE_SPARK_STORAGE_SHARED "
            "to true",
            reason="spark-storage-local",
        )


def travelling(settings: Settings, database: Engine) -> dict[str, object]:
    """The settings as a hand uses them, wherever it runs: one worker, and no path that is relative."""
    values: dict[str, object] = {name: getattr(settings, name) for name in type(settings).model_fields}
    for name in ("storage_root", "dotenv_file", "jsonl_folder"):
        values[name] = getattr(settings, name).resolve()
    file = sqlite_file(database)
    if file is not None:
        url = database.url.set(database=str(file.resolve()))
        values["database_url"] = SecretStr(url.render_as_string(hide_password=False))
    return values | {"workers": 1, "executor": "local", "prometheus_file": None}
