"""What is asked of a service, as the driver takes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from pipeline.db import claims, operations
from pipeline.db.operations import Intent
from pipeline.db.transactions import transact
from pipeline.errors import AttemptError
from pipeline.remote import Operation, OperationKind, OperationState

TAKEN_AWAY = "taken-away"


@dataclass(frozen=True, slots=True)
class Submission:
    """One operation to be begun, or to be gone on with where `operation` is known already.

    `send` begins it and gives its URL; `conclude` makes a result of its successful end, in a thread. `task`
    is the caller's own. `seconds`: how long it may take before it is given up.
    """

    kind: OperationKind
    task: Any
    send: Callable[[], str]
    conclude: Callable[[OperationState], object]
    seconds: float
    subject: str = ""
    documents: tuple[int, ...] = ()
    model_version_id: int | None = None
    operation: Operation | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """Writes down what is asked of a service, each in a transaction of its own. `guard` raises when this
    run may no longer write. `run_id`: the run that must hold the documents it asks about, None where it asks
    about none."""

    database: Engine
    group: str
    holder: str
    guard: Callable[[Connection], None]
    now: Callable[[], datetime]
    run_id: int | None = None

    def intend(self, submission: Submission) -> Operation:
        """Commit that it will be asked; only after this may the request go out. Raises AttemptError
        (`taken-away`) where a document changed, or was forgotten, since it was claimed."""
        now = self.now()
        deadline = now + timedelta(seconds=submission.seconds)
        intent = Intent(
            submission.kind,
            self.group,
            self.holder,
            deadline,
            submission.model_version_id,
            submission.subject,
            submission.documents,
        )
        key = transact(self.database, lambda connection: self._intend(connection, intent, now))
        return Operation(key, intent.kind, "", None, deadline, intent.model_version_id, intent.subject)

    def _intend(self, connection: Connection, intent: Intent, now: datetime) -> int:
        """Safe to do twice: an intent that a try whose commit was cut off left behind loses its documents to
        this one, was asked of nobody, and is ended once its holder is gone."""
        self.guard(connection)
        if self.run_id is not None:
            held = claims.standing(connection, intent.documents, self.run_id, now)
            if len(held) < len(intent.documents):
                raise AttemptError("the document changed since it was claimed", reason=TAKEN_AWAY)
        return operations.intend(connection, intent, now)

    def submitted(self, operation: Operation, url: str) -> None:
        """Commit that it was taken, and where its end is to be asked for. Safe to do twice: it sets a state
        of one operation; so do the next three."""
        now = self.now()

        def work(connection: Connection) -> None:
            self.guard(connection)
            operations.submitted(connection, operation.id, url, now)

        transact(self.database, work)

    def failed(self, operation: Operation, reason: str) -> None:
        """Commit that nothing will come of it."""
        now = self.now()

        def work(connection: Connection) -> None:
            self.guard(connection)
            operations.fail(connection, operation.id, reason[:60], now)

        transact(self.database, work)

    def done(self, kind: OperationKind, subject: str) -> None:
        """Commit that the result of the open operation about this subject is kept."""
        now = self.now()

        def work(connection: Connection) -> None:
            self.guard(connection)
            for operation in operations.open_ones(connection, self.group, kind):
                if operation.subject == subject:
                    operations.finish(connection, operation.id, now)

        transact(self.database, work)

    def sweep(self) -> None:
        """Forget what nobody waits for any more. For the holder of the group's lease."""
        now = self.now()

        def work(connection: Connection) -> None:
            self.guard(connection)
            operations.forget_unwanted(connection, self.group, now)

        transact(self.database, work)
