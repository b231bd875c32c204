"""A service of a few lines, and a driver whose clock and sleep are the test's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select

from pipeline.db import tables
from pipeline.errors import FormpipeError
from pipeline.operations.driver import OperationDriver
from pipeline.operations.pace import Pace, Paces
from pipeline.operations.submission import Ledger, Submission
from pipeline.remote import Operation, OperationState

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass
class Clock:
    """Seconds since START; sleeping moves it."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


@dataclass
class Service:
    """Every operation is finished at its `polls_needed`-th poll, unless `answers` says otherwise."""

    polls_needed: int = 2
    accepted: list[str] = field(default_factory=list)
    polled: dict[str, int] = field(default_factory=dict)
    answers: dict[str, Callable[[], OperationState]] = field(default_factory=dict)

    def take(self, name: str) -> str:
        self.accepted.append(name)
        return f"https://service/operations/{name}"

    def poll(self, operation: Operation) -> OperationState:
        name = operation.url.rsplit("/", 1)[-1]
        self.polled[name] = self.polled.get(name, 0) + 1
        if name in self.answers:
            return self.answers[name]()
        done = self.polled[name] >= self.polls_needed
        return OperationState("succeeded" if done else "running", body=name.encode())


@dataclass
class Desk:
    """A driver over a real database, and what it is to do."""

    database: Engine
    service: Service = field(default_factory=Service)
    clock: Clock = field(default_factory=Clock)
    stopped: bool = False
    given_up: bool = False
    paces: Paces = field(default_factory=lambda: Paces(Pace(1.0, 2.0, 8.0)))
    guarded: int = 0

    def guard(self, connection: Any) -> None:
        self.guarded += 1

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.database, "bills", "host:1:2:x", self.guard, self.clock.now)

    @property
    def driver(self) -> OperationDriver:
        service: Any = self.service
        return OperationDriver(
            service,
            self.ledger,
            lambda: self.stopped,
            partial(self.paces.of, "service", None),
            self.clock,
            self.clock.sleep,
            lambda: self.given_up,
        )

    def submission(self, name: str, **more: Any) -> Submission:
        return Submission(
            kind=more.pop("kind", "analyze"),
            task=name,
            send=more.pop("send", lambda: self.service.take(name)),
            conclude=more.pop("conclude", lambda state: state.body.decode()),
            seconds=more.pop("seconds", 600.0),
            subject=name,
            **more,
        )

    def perform(self, *names: str, parallelism: int = 3, **more: Any) -> dict[str, object]:
        submissions = [self.submission(name, **more) for name in names]
        outcomes = self.driver.perform(submissions, parallelism=parallelism)
        return {str(each.task): _told(each.error) or each.result for each in outcomes}

    def rows(self) -> list[tuple[str, str, str, str | None]]:
        table = tables.operation
        with self.database.connect() as connection:
            found = connection.execute(
                select(table.c.subject, table.c.state, table.c.url, table.c.reason).order_by(table.c.id)
            )
            return [tuple(row) for row in found]  # type: ignore[misc]

    def document(self, name: str) -> int:
        with self.database.begin() as connection:
            key = connection.execute(
                insert(tables.document).values(
                    form_type="bills", container="c", path=name, path_hash=name, etag="1", size=1,
                    first_seen_at=START,
                )
            ).inserted_primary_key  # fmt: skip
        assert key is not None
        return int(key[0])

    def stage(self, document: int) -> str:
        table = tables.document
        with self.database.connect() as connection:
            return str(connection.scalar(select(table.c.stage).where(table.c.id == document)))


def _told(error: Exception | None) -> str | None:
    if error is None:
        return None
    return str(error.reason) if isinstance(error, FormpipeError) else type(error).__name__


@pytest.fixture
def desk(database: Engine) -> Iterator[Desk]:
    with database.begin() as connection:
        connection.execute(
            insert(tables.form_type).values(
                form_type="bills", training_container_name="forms", scoring_container_name="forms"
            )
        )
    yield Desk(database)
