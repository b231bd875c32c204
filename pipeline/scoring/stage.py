"""Score the pending documents of one form type and commit what comes back, batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from sqlalchemy import Connection, Engine

from pipeline.db import claims, deliveries, documents, operations, routing, targets
from pipeline.db.gone import BLOB_GONE
from pipeline.db.routing import Leg
from pipeline.db.spans import EVERYTHING, Span
from pipeline.db.transactions import consult, transact
from pipeline.errors import AttemptError, DocumentError, RowError, RunError
from pipeline.formats.result_json import output_path
from pipeline.ports import Executor, Outcome
from pipeline.remote import Operation
from pipeline.scoring.document import OutputPlace, ScoreTask, ScoringModel
from pipeline.scoring.reuse import hand_over, lost
from pipeline.scoring.routing import Router, route
from pipeline.scoring.spending import OVER_LIMIT, Spending
from pipeline.texts import CLASSES
from pipeline.types import AccountNames, BacklogDocument, DocumentResult, FormType, ModelVersion

_ENDS_AT_ONCE = {"timed-out", "out-of-memory"}
_COSTS_NO_ATTEMPT = {"stopped", "blob-changed", "operation-expired", "poll-failed", OVER_LIMIT, "taken-away"}
_STAYS_SUBMITTED = {"stopped", "poll-failed"}
_ENDS_ROW = {"not-reachable", "throttled"}
_NO_DELAY = {"worker-died", "operation-expired", "operation-forgotten"}
_BEGUN_AGAIN = {"operation-expired", "operation-forgotten", "operation-overdue"}
_GUESSES = 3
"""Classes of a router's document that a person is told."""
_COMMIT_SECONDS, _COMMIT_PAUSE = 2.0, 0.2
"""A commit is made after the first at the latest, and not before the second has passed since the last one."""


@dataclass(frozen=True, slots=True)
class ScoringLimits:
    """Bounds of one row's scoring; times in seconds."""

    timeout: float
    batch: int
    retry_delay: float
    max_pages: int
    min_confidence: float


@dataclass(slots=True)
class Tally:
    """What was done so far, in documents, pages and values. `taken_away`: documents whose result was not
    written, for their blob changed or they were forgotten meanwhile; `begun_again`: operations that were past
    their deadline or no longer known to the service; `reused`: those loaded or partial that took over the
    values of a former name, which counts no page and no value; `routed`: the documents that were handed on to
    form types."""

    loaded: int = 0
    partial: int = 0
    dead: int = 0
    gone: int = 0
    unrouted: int = 0
    routed: int = 0
    postponed: int = 0
    taken_away: int = 0
    begun_again: int = 0
    reused: int = 0
    pages: int = 0
    ocr_pages: int = 0
    values: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    discarded: dict[str, int] = field(default_factory=dict)

    @property
    def finished(self) -> int:
        return self.loaded + self.partial + self.dead + self.gone + self.unrouted

    def add(self, result: DocumentResult, times: int = 1) -> None:
        setattr(self, result.outcome, getattr(self, result.outcome) + times)
        if result.reused_from is None:
            self.pages += times * (result.pages or 0)
            self.ocr_pages += times * (result.ocr_pages or 0)
        else:
            self.reused += times
        self.values += times * len(result.values)
        if result.reason:
            self.reasons[result.reason] = self.reasons.get(result.reason, 0) + times

    def withdraw(self, result: DocumentResult) -> None:
        """Count a result no longer that could not be written."""
        self.add(result, -1)
        self.taken_away += 1

    def discard(self, field_name: str) -> None:
        self.discarded[field_name] = self.discarded.get(field_name, 0) + 1


@dataclass(frozen=True, slots=True)
class ScoringContext:
    """What scoring works with. `guard` is called in every writing transaction; `stopping` says that no
    further document may be begun; `progress` hears of every outcome, `committed` of every transaction that
    wrote values. `recover` returns what dead runs held, and says how many documents that was. `stored`: the
    fields whose values are kept, None for all. `spending` says when no further document may be paid.
    `router`: what the row hands on, None for one that is no router; `accounts`: where the blobs of each
    router are. `span`: the documents that are its business; `written_for`: the run that results are written
    down for, where this one does a part of it; `note` writes down, in every transaction that writes values,
    what was done with it."""

    database: Engine
    executor: Executor
    now: Callable[[], datetime]
    guard: Callable[[Connection], None]
    stopping: Callable[[], bool]
    progress: Callable[[Tally], None]
    run_id: int
    committed: Callable[[], None] = lambda: None
    recover: Callable[[], int] = lambda: 0
    stored: frozenset[str] | None = None
    spending: Spending = field(default_factory=Spending)
    router: Router | None = None
    accounts: Mapping[str, AccountNames] = field(default_factory=dict)
    span: Span = EVERYTHING
    written_for: int | None = None
    note: Callable[[Connection, Tally], None] | None = None
    tally: Tally = field(default_factory=Tally)

    @property
    def book(self) -> int:
        """The run that results are written down for."""
        return self.run_id if self.written_for is None else self.written_for


def score_backlog(
    context: ScoringContext, row: FormType, version: ModelVersion, limits: ScoringLimits
) -> Tally:
    """Score every due document of the row that no other run works on, each claimed before it is begun. Raises
    RowError where the row cannot go on; what was done until then is in the context's tally."""
    scorer = _Scorer(context, row, version, limits)
    try:
        while scorer.one_pass() or scorer.more():
            pass
    finally:
        scorer.give_back()
    return scorer.tally


class _Scorer:
    def __init__(
        self, context: ScoringContext, row: FormType, version: ModelVersion, limits: ScoringLimits
    ) -> None:
        self._context = context
        self._row = row
        self._version = version
        self._limits = limits
        self._model = scoring_model(row, version, limits)
        self._finished: list[DocumentResult] = []
        self._legs: dict[BacklogDocument, tuple[Leg, ...]] = {}
        self._postponed: list[tuple[BacklogDocument, Exception]] = []
        self._left_for_later: set[int] = set()
        self._committed_at = time.monotonic()
        self.tally = context.tally

    def one_pass(self) -> bool:
        """Go once through the documents that are due; False when nothing was left to do."""
        outcomes = self._context.executor.map(
            self._tasks(), parallelism=self._row.parallelism, timeout=lambda task: self._limits.timeout
        )
        taken = 0
        with closing(cast(Any, outcomes)):  # before claims are given back: what is on its way keeps its URL
            for outcome in outcomes:
                taken += 1
                self._take(outcome)
                self._context.progress(self.tally)
                if self._due():
                    self._commit()
        self._commit()
        return taken > 0 and not self._context.stopping()

    def _due(self) -> bool:
        """Whether to commit: a batch is there, and a fast engine's batches have grown by waiting a moment; or
        the last commit is long ago."""
        waited = time.monotonic() - self._committed_at
        enough = len(self._finished) >= self._limits.batch
        return waited > (_COMMIT_PAUSE if enough else _COMMIT_SECONDS)

    def more(self) -> bool:
        """Whether there is more to do because a run that died had it in hand."""
        return not self._context.stopping() and self._context.recover() > 0

    def give_back(self) -> None:
        """What was claimed and not ended is free for others, now or in a later run."""

        def work(connection: Connection) -> None:
            claims.release(connection, self._context.run_id, self._row.form_type)

        transact(self._context.database, work)

    def _tasks(self) -> Iterator[ScoreTask]:
        for stage in claims.STAGES:
            after = self._context.span.after
            while not self._ended(stage) and (batch := self._claim(stage, after)):
                keys = [document.id for document in batch]
                known = consult(self._context.database, partial(operations.of_documents, ids=keys))
                routers = self._routers(batch)
                for document in batch:
                    if self._ended(stage):
                        break
                    if document.id not in self._left_for_later:
                        yield self._task(document, known.get(document.id), routers)
                after = batch[-1].id

    def _ended(self, stage: str) -> bool:
        """What a service has already is paid: its results are taken even when nothing more may be spent."""
        spent = stage == "pending" and self._context.spending.closed is not None
        return spent or self._context.stopping()

    def _routers(self, batch: Sequence[BacklogDocument]) -> Mapping[int, str]:
        """The routers that handed documents on, by the ids of their own documents."""
        sources = {each.routed_from for each in batch if each.routed_from is not None}
        if not sources:
            return {}
        return consult(self._context.database, partial(routing.routers_of, ids=sorted(sources)))

    def _task(
        self, document: BacklogDocument, operation: Operation | None, routers: Mapping[int, str]
    ) -> ScoreTask:
        """One that was handed on is read where its router has it, and its output goes to this row's place."""
        path, account = self._output_path(document), self._row.secrets.scoring
        if document.routed_from is None:
            return ScoreTask(document, self._model, account, path, operation)
        of_router = self._context.accounts.get(routers.get(document.routed_from, ""), account)
        output = OutputPlace(account, self._row.scoring_container)
        return ScoreTask(document, self._model, of_router, path, operation, output)

    def _claim(self, stage: str, after: int) -> list[BacklogDocument]:
        context, now = self._context, self._context.now()

        def work(connection: Connection) -> list[BacklogDocument]:
            context.guard(connection)
            limit = self._limits.batch * 4
            name = self._row.form_type
            return claims.claim(
                connection,
                name,
                context.run_id,
                stage=stage,
                after=after,
                limit=limit,
                now=now,
                until=context.span.until,
            )

        return transact(context.database, work)

    def _output_path(self, document: BacklogDocument) -> str:
        if self._row.output_folder is None:
            return ""
        folder, backlog = self._row.output_folder, self._row.scoring_folder
        return output_path(folder, backlog, document.ref.path, document.pages)

    def _take(self, outcome: Outcome[ScoreTask, object]) -> None:
        document = outcome.task.document
        if outcome.error is None:
            result = outcome.unwrap()
            assert isinstance(result, DocumentResult)
            self._end(result)
        elif isinstance(outcome.error, RunError):
            raise outcome.error
        elif isinstance(outcome.error, RowError):
            self._commit()
            raise outcome.error
        elif reason_of(outcome.error) in _ENDS_ROW:
            self._commit()
            raise RowError(str(outcome.error), reason=reason_of(outcome.error))
        elif ends_document(outcome.error, document, self._row.max_attempts):
            self._end(failed(document, outcome.error))
        elif reason_of(outcome.error) == OVER_LIMIT:
            self._left_for_later.add(document.id)
        else:
            self._postponed.append((document, outcome.error))
            reason = reason_of(outcome.error)
            if reason in _STAYS_SUBMITTED:
                self._left_for_later.add(document.id)
            self.tally.postponed += 1
            self.tally.begun_again += reason in _BEGUN_AGAIN

    def _end(self, result: DocumentResult) -> None:
        if self._context.router is not None:
            decision = route(result, self._context.router)
            result, self._legs[result.document] = decision.result, decision.legs
        result = self._kept(result)
        self._finished.append(result)
        self.tally.add(result)

    def _kept(self, result: DocumentResult) -> DocumentResult:
        """The result less the values that the row's contract does not let in; these are counted."""
        stored = self._context.stored
        if stored is None:
            return result
        for value in result.values:
            if value.found.field not in stored:
                self.tally.discard(value.found.field)
        return replace(result, values=tuple(v for v in result.values if v.found.field in stored))

    def _commit(self) -> None:
        self._committed_at = time.monotonic()
        if not self._finished and not self._postponed:
            return
        now = self._context.now()
        written = transact(self._context.database, lambda connection: self._write(connection, now))
        self._settle(self.tally, written)
        self._legs.clear()
        self._finished.clear()
        self._postponed.clear()
        self._context.committed()

    def _settle(self, tally: Tally, written: set[BacklogDocument]) -> None:
        for result in self._finished:
            if result.document not in written:
                tally.withdraw(result)
            else:
                tally.routed += len(self._legs.get(result.document, ()))

    def _write(self, connection: Connection, now: datetime) -> set[BacklogDocument]:
        """Write what this run still holds; those documents. Safe to do twice: every statement sets
        or replaces what belongs to these documents, by their ids and one `now`; nothing is counted up, and
        nothing in memory is let go before the commit."""
        self._context.guard(connection)
        read_again = lost(connection, self._finished)
        held = {each for each in self._standing(connection, now) if each.id not in read_again}
        finished = [result for result in self._finished if result.document in held]
        keys = [result.document.id for result in finished]
        documents.finish(
            connection, finished, model_version_id=self._version.id, run_id=self._context.book, now=now
        )
        hand_over(connection, self._row, finished)
        self._hand_on(connection, finished, now)
        targets.refresh(connection, self._row, keys)
        operations.finish_of_documents(connection, keys, now)
        deliveries.queue(connection, self._row.sinks, keys, now)
        for document, error in self._postponed:
            if document in held:
                self._postpone(connection, document, error, now)
        self._note(connection, held)
        return held

    def _note(self, connection: Connection, held: set[BacklogDocument]) -> None:
        """What will have been done once this is committed."""
        if self._context.note is not None:
            tally = deepcopy(self.tally)
            self._settle(tally, held)
            self._context.note(connection, tally)

    def _hand_on(self, connection: Connection, finished: Sequence[DocumentResult], now: datetime) -> None:
        """Carry out what was decided of a router's documents; of blobs that are gone nothing is left."""
        gone = [result.document.id for result in finished if result.outcome == "gone"]
        routing.follow_gone(connection, gone, now, BLOB_GONE)
        ended = (result.document for result in finished if result.outcome != "gone")
        if self._context.router is not None:
            routing.hand_on(connection, {each: self._legs.get(each, ()) for each in ended}, now)

    def _standing(self, connection: Connection, now: datetime) -> set[BacklogDocument]:
        """What this run holds still, with the content that was read."""
        mine = [result.document for result in self._finished]
        mine += [document for document, _ in self._postponed]
        keys, context = [each.id for each in mine], self._context
        held = claims.standing(connection, keys, context.run_id, now, context.written_for)
        return {each for each in mine if held.get(each.id) == each.ref.etag}

    def _postpone(
        self, connection: Connection, document: BacklogDocument, error: Exception, now: datetime
    ) -> None:
        reason = reason_of(error)
        if reason in _STAYS_SUBMITTED:
            return
        attempts = document.attempts + (reason not in _COSTS_NO_ATTEMPT)
        delay = 0.0 if reason in _NO_DELAY else self._limits.retry_delay * 2 ** max(attempts - 1, 0)
        documents.postpone(
            connection,
            document.id,
            attempts=attempts,
            next_try_at=now + timedelta(seconds=delay),
            reason=reason,
            message=str(error),
        )


def scoring_model(row: FormType, version: ModelVersion, limits: ScoringLimits) -> ScoringModel:
    """The model of a version as this row uses it; the row's own fields win over the version's."""
    own = {spec.name: spec for spec in row.fields}
    known = [own.pop(spec.name, spec) for spec in version.fields]
    return ScoringModel(
        model_id=version.service_model_id,
        fields=(*known, *own.values()),
        locale=row.locale,
        min_confidence=limits.min_confidence if row.min_confidence is None else row.min_confidence,
        max_pages=row.max_pages or limits.max_pages,
        file_type=row.file_type,
        kind=version.model_kind,
        multi_label=version.model_kind == "classes" and CLASSES in {spec.name for spec in version.fields},
        guesses=_GUESSES if row.routes else 1,
        per_page=row.routes and row.split == "per_page",
    )


def ends_document(error: Exception, document: BacklogDocument, max_attempts: int) -> bool:
    """Whether this error ends the document now, or it is tried again."""
    if not isinstance(error, AttemptError):
        return True
    if error.reason in _COSTS_NO_ATTEMPT:
        return False
    return error.reason in _ENDS_AT_ONCE or document.attempts + 1 >= max_attempts


def failed(document: BacklogDocument, error: Exception) -> DocumentResult:
    """The end of a document that could not be scored: `gone` when its blob is, else `dead`."""
    reason = reason_of(error)
    outcome = DocumentResult(document, "dead", reason, str(error))
    return replace(outcome, outcome="gone") if reason == "blob-gone" else outcome


def reason_of(error: Exception) -> str:
    """The named reason; anything unnamed is a bug and is counted apart."""
    known = isinstance(error, (AttemptError, DocumentError, RowError))
    return str(getattr(error, "reason", "")) if known else "unexpected-error"
