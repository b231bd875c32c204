"""A model check: whatever three workers do in whatever order, with crashes, pauses and changes of blobs in
between, every document is loaded exactly once per content, and nothing is left open.

The workers act by the real statements; what they would read, and the service, are played here. A worker that
is late is one that does nothing while time passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, delete, func, insert, select

from pipeline.db import claims, leases, listings, operations
from pipeline.db.connection import open_database, reading
from pipeline.db.documents import path_hash
from pipeline.db.tables import document, field_value, form_type, lease, model_version, operation, part, run
from pipeline.db.transactions import consult, transact
from pipeline.errors import AttemptError, RunError
from pipeline.operations.submission import Ledger, Submission
from pipeline.orchestrator import bookkeeping
from pipeline.orchestrator.leasing import LEASE_LOST, LeaseTerms, alive
from pipeline.orchestrator.reconciling import reconcile
from pipeline.remote import Operation
from pipeline.scoring.stage import ScoringContext, ScoringLimits, _Scorer
from pipeline.types import (
    BacklogDocument,
    Blob,
    BlobRef,
    DocumentResult,
    ExtractedField,
    FormType,
    ModelVersion,
    ScoredValue,
    TypedValue,
)
from tests.chaos.unfenced import all_standing
from tests.databases.postgresql import Postgresql

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
WORKERS, DOCUMENTS, LEASE_SECONDS = 3, 5, 60.0
FIELDS = ("one", "two")
STAGES = tuple(claims.STAGES)
ROW = FormType("invoice", "invoice", "lake", "t/", "lake", "b/")
LIMITS = ScoringLimits(timeout=60, batch=1, retry_delay=30, max_pages=10, min_confidence=0.5)
MODEL = {
    "form_batch_group_id": "invoice", "version": 1, "engine": "local", "model_kind": "form",
    "fingerprint": "f", "state": "active", "created_at": NOW,
}  # fmt: skip
ANY = st.integers(0, 60)


@dataclass(slots=True)
class Flight:
    """A document that a worker has in hand: read here, or asked of the service under `operation`."""

    document: BacklogDocument
    operation: Operation | None = None
    url: str = ""
    noted: bool = True
    """Whether its URL is committed."""


@dataclass(slots=True)
class Worker:
    """What a process knows. `kept` is the time of a commit of which it never heard."""

    name: str
    run_id: int
    terms: LeaseTerms
    scorer: Any
    ledger: Ledger
    open: ExitStack
    stage: int = 0
    after: int = 0
    flights: list[Flight] = field(default_factory=list)
    kept: datetime | None = None

    @property
    def results(self) -> list[DocumentResult]:
        return cast(list[DocumentResult], self.scorer._finished)

    @property
    def postponed(self) -> list[tuple[BacklogDocument, Exception]]:
        return cast(list[tuple[BacklogDocument, Exception]], self.scorer._postponed)

    @property
    def idle(self) -> bool:
        return not (self.flights or self.results or self.postponed)

    def put_off(self, flight: Flight, reason: str) -> None:
        self.postponed.append((flight.document, AttemptError("later", reason=reason)))
        self.flights.remove(flight)

    def has_in_hand(self) -> set[tuple[int, str]]:
        documents = [flight.document for flight in self.flights] + [each.document for each in self.results]
        return {(each.id, each.ref.etag) for each in documents}


class Machine(RuleBasedStateMachine):
    database: ClassVar[Engine]

    def __init__(self) -> None:
        super().__init__()
        self.time = NOW
        self.workers: dict[int, Worker] = {}
        self.begun = 0
        self.texts = 0
        self.lost: set[int] = set()
        self.written: dict[tuple[int, str], str] = {}
        self.service: dict[str, str] = {}
        self.version = self._set_up()
        refs = [BlobRef("", "lake", f"b/{number}", "1") for number in range(DOCUMENTS)]
        added = {path_hash(ref): (ref, Blob(ref.path, "1", 1)) for ref in refs}
        transact(self.database, lambda c: listings.add(c, ROW.form_type, added, NOW))
        self.lake = {each.id: "1" for each in consult(self.database, _found(list(added))).values()}
        self.listed = dict(self.lake)

    def _set_up(self) -> ModelVersion:
        with self.database.begin() as connection:
            for table in reversed(document.metadata.sorted_tables):
                if table.name not in ("schema_version", "alembic_version"):
                    connection.execute(delete(table))
            row = {"form_type": ROW.form_type, "training_container_name": "lake"}
            row |= {"training_blob_root_folder": "t/", "scoring_container_name": "lake"}
            connection.execute(insert(form_type).values(**row, scoring_input_blob_folder="b/"))
            key = connection.execute(insert(model_version).values(**MODEL)).inserted_primary_key
        assert key is not None
        return ModelVersion(key[0], "invoice", 1, "local", None, "form", "", "f", "active")

    @initialize()
    def two_begin(self) -> None:
        self.begin()
        self.begin()

    def now(self) -> datetime:
        return self.time

    # --- who can do something -----------------------------------------------------------------------

    def able(self, can: Callable[[Worker], object] = lambda worker: True) -> list[Worker]:
        """Those that do not wait for the end of a commit."""
        return [w for _, w in sorted(self.workers.items()) if w.kept is None and can(w)]

    def flights(self, can: Callable[[Flight], object]) -> list[tuple[Worker, Flight]]:
        return [(worker, flight) for worker in self.able() for flight in worker.flights if can(flight)]

    @contextmanager
    def acting(self, worker: Worker) -> Iterator[None]:
        """A worker that finds out that it was declared dead ends as a run does."""
        try:
            yield
        except RunError as error:
            assert error.reason == LEASE_LOST
            assert worker.run_id in self.lost, "it was not declared dead"
            self.end_of(worker, "failed")

    def end_of(self, worker: Worker, state: str) -> None:
        worker.scorer.give_back()
        bookkeeping.end(self.database, worker.run_id, state, self.time)
        self.forget(worker)

    def forget(self, worker: Worker) -> None:
        worker.open.close()
        self.workers = {slot: each for slot, each in self.workers.items() if each is not worker}

    # --- a run ----------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.workers) < WORKERS)
    @rule()
    def begin(self) -> None:
        self.begun += 1
        self._begin(f"w{self.begun}")

    def _begin(self, name: str) -> Worker:
        terms = LeaseTerms(f"elsewhere:1:1:{name}", LEASE_SECONDS, self.now)
        run_id = bookkeeping.begin(self.database, terms)
        opened = ExitStack()
        guard = opened.enter_context(alive(self.database, run_id, terms))
        context = ScoringContext(
            self.database, cast(Any, None), self.now, guard, lambda: False, lambda tally: None, run_id
        )
        scorer = _Scorer(context, ROW, self.version, LIMITS)
        ledger = Ledger(self.database, ROW.group, terms.holder, guard, self.now, run_id)
        worker = Worker(name, run_id, terms, scorer, ledger, opened)
        slot = min(set(range(WORKERS + 1)) - set(self.workers))
        self.workers[slot] = worker
        return worker

    @precondition(lambda self: self.able())
    @rule(who=ANY)
    def heartbeat(self, who: int) -> None:
        worker = _one(self.able(), who)
        with self.acting(worker):
            transact(self.database, worker.ledger.guard)

    @precondition(lambda self: self.workers)
    @rule(who=ANY, crash=st.booleans())
    def leave(self, who: int, crash: bool) -> None:
        """A crash writes nothing."""
        worker = _one([*self.workers.values()], who)
        if crash or worker.kept is not None:
            self.forget(worker)
        else:
            self.end_of(worker, "finished")

    @rule(seconds=st.sampled_from([1.0, 25.0, LEASE_SECONDS]))
    def time_passes(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    @precondition(lambda self: len(self.able()) > 1)
    @rule(who=ANY, finder=ANY)
    def sleep(self, who: int, finder: int) -> None:
        """One gives no sign of life for too long; another finds it dead. It wakes up when it acts again."""
        late = _one(self.able(), who)
        others = [each for each in self.able() if each is not late]
        for _ in range(3):
            self.time += timedelta(seconds=LEASE_SECONDS / 3)
            for each in others:
                with self.acting(each):
                    transact(self.database, each.ledger.guard)
        self._reconcile(_one(others, finder))

    @precondition(lambda self: self.able())
    @rule(who=ANY)
    def reconcile(self, who: int) -> None:
        self._reconcile(_one(self.able(), who))

    def _reconcile(self, worker: Worker) -> None:
        self.lost |= set(reconcile(self.database, worker.terms).runs)

    # --- documents ------------------------------------------------------------------------------------

    @precondition(lambda self: self.able())
    @rule(who=ANY, steps=st.integers(1, 4), asks=st.integers(0, 2), heard=st.booleans())
    def work(self, who: int, steps: int, asks: int, heard: bool) -> None:
        """Some steps of what a worker does if nothing comes between, from where it stands."""
        worker = _one(self.able(), who)
        with self.acting(worker):
            if worker.idle:
                self._claim_some(worker)
            for flight in [each for each in worker.flights if _unasked(each)][: asks if steps > 1 else 0]:
                self._ask(worker, flight)
            for flight in [each for each in worker.flights if each.noted] if steps > 2 else []:
                self._read(worker, flight)
            if steps > 3:
                self._commit(worker, heard)

    @precondition(lambda self: self.able())
    @rule(who=ANY)
    def claim(self, who: int) -> None:
        worker = _one(self.able(), who)
        with self.acting(worker):
            self._claim_some(worker)

    def _claim_some(self, worker: Worker) -> None:
        for _ in range(len(STAGES) + 1):
            if not worker.flights:
                self._claim(worker)

    def _claim(self, worker: Worker) -> bool:
        """As a scorer goes through the stages; whether there was something, or is another stage."""
        if worker.stage == len(STAGES):
            if worker.idle:
                worker.stage = worker.after = 0
            return False
        batch = worker.scorer._claim(STAGES[worker.stage], worker.after)
        if not batch:
            worker.stage, worker.after = worker.stage + 1, 0
            return True
        known = consult(self.database, partial(operations.of_documents, ids=[each.id for each in batch]))
        for each in batch:
            self._require_alone(worker, each)
            worker.flights.append(Flight(each, known.get(each.id)))
        worker.after = batch[-1].id
        return True

    def _require_alone(self, worker: Worker, claimed: BacklogDocument) -> None:
        assert claimed.ref.etag == self.listed[claimed.id]
        for other in self.workers.values():
            if other is not worker and other.kept is None and other.run_id not in self.lost:
                assert (claimed.id, claimed.ref.etag) not in other.has_in_hand(), "it is held by two"

    @precondition(lambda self: self.flights(_unasked))
    @rule(which=ANY, steps=st.integers(1, 3))
    def ask(self, which: int, steps: int) -> None:
        """Write down that the service is asked, ask it, write down that it took it."""
        worker, flight = _one(self.flights(_unasked), which)
        with self.acting(worker):
            self._ask(worker, flight, steps)

    def _ask(self, worker: Worker, flight: Flight, steps: int = 3) -> None:
        for step in (self._intend, self._send, self._submitted)[:steps]:
            if flight in worker.flights:
                step(worker, flight)

    @precondition(lambda self: self.flights(_begun))
    @rule(which=ANY)
    def go_on_asking(self, which: int) -> None:
        worker, flight = _one(self.flights(_begun), which)
        with self.acting(worker):
            (self._submitted if flight.url else self._send)(worker, flight)

    def _intend(self, worker: Worker, flight: Flight) -> None:
        asked = Submission(
            "analyze", None, str, str, 3600, documents=(flight.document.id,), model_version_id=self.version.id
        )
        try:
            flight.operation, flight.noted = worker.ledger.intend(asked), False
        except AttemptError as error:
            worker.put_off(flight, error.reason)

    def _send(self, worker: Worker, flight: Flight) -> None:
        flight.url = f"https://service/{len(self.service)}"
        self.service[flight.url] = flight.document.ref.etag

    def _submitted(self, worker: Worker, flight: Flight) -> None:
        assert flight.operation is not None
        worker.ledger.submitted(flight.operation, flight.url)
        flight.noted = True

    @precondition(lambda self: self.flights(_asked))
    @rule(which=ANY)
    def service_forgets(self, which: int) -> None:
        worker, flight = _one(self.flights(_asked), which)
        assert flight.operation is not None
        with self.acting(worker):
            worker.ledger.failed(flight.operation, "operation-expired")
            worker.put_off(flight, "operation-expired")

    @precondition(lambda self: self.flights(_readable))
    @rule(which=ANY, all_of_it=st.booleans())
    def read(self, which: int, all_of_it: bool) -> None:
        worker, first = _one(self.flights(_readable), which)
        for flight in [*worker.flights] if all_of_it else [first]:
            if flight.noted:
                self._read(worker, flight)

    def _read(self, worker: Worker, flight: Flight) -> None:
        """What was found names its content, who found it and when."""
        key, etag = flight.document.id, flight.document.ref.etag
        if flight.operation is not None:
            url = flight.url or flight.operation.url
            assert self.service[url] == etag, "the result is of another content"
        elif self.lake[key] != etag:
            worker.put_off(flight, "blob-changed")
            return
        self.texts += 1
        text = f"{key}@{etag} by {worker.name}, {self.texts}"
        worker.flights.remove(flight)
        worker.results.append(DocumentResult(flight.document, "loaded", values=_values(text), pages=1))

    @precondition(lambda self: self.able(lambda w: w.results or w.postponed))
    @rule(who=ANY, heard=st.booleans())
    def finish(self, who: int, heard: bool) -> None:
        worker = _one(self.able(lambda w: w.results or w.postponed), who)
        with self.acting(worker):
            self._commit(worker, heard)

    def _commit(self, worker: Worker, heard: bool) -> None:
        self._finish(worker, self.time)
        if heard:
            self._heard(worker)
        else:
            worker.kept = self.time

    @precondition(lambda self: len(self.able()) < len(self.workers))
    @rule(who=ANY)
    def finish_again(self, who: int) -> None:
        worker = _one([w for w in self.workers.values() if w.kept is not None], who)
        assert worker.kept is not None
        with self.acting(worker):
            self._finish(worker, worker.kept)
            self._heard(worker)

    def _heard(self, worker: Worker) -> None:
        worker.kept = None
        worker.results.clear()
        worker.postponed.clear()

    def _finish(self, worker: Worker, now: datetime) -> None:
        held = transact(self.database, lambda connection: worker.scorer._write(connection, now))
        for result in worker.results:
            if result.document in held:
                self._note(worker, result)

    def _note(self, worker: Worker, result: DocumentResult) -> None:
        key, etag = result.document.id, result.document.ref.etag
        text = result.values[0].found.text
        assert worker.run_id not in self.lost, "written by a run that was declared dead"
        assert etag == self.listed[key], "written under another content"
        assert self.written.setdefault((key, etag), text) == text, "loaded twice"

    # --- the lake -------------------------------------------------------------------------------------

    @rule(which=st.integers(0, DOCUMENTS - 1), who=ANY, seen=st.booleans())
    def blob_changes(self, which: int, who: int, seen: bool) -> None:
        key = sorted(self.lake)[which]
        self.lake[key] = str(int(self.lake[key]) + 1)
        if seen and self.able():
            self.list(who)

    @precondition(lambda self: self.able() and self.listed != self.lake)
    @rule(who=ANY)
    def list(self, who: int) -> None:
        worker = _one(self.able(), who)
        with self.acting(worker):
            self._list(worker)

    def _list(self, worker: Worker) -> None:
        changed = {key: Blob("", etag, 1) for key, etag in self.lake.items() if etag != self.listed[key]}

        def work(connection: Any) -> None:
            worker.ledger.guard(connection)
            listings.renew(connection, changed)

        transact(self.database, work)
        self.listed = dict(self.lake)

    @precondition(lambda self: self.able())
    @rule(who=ANY)
    def sweep(self, who: int) -> None:
        worker = _one(self.able(), who)
        with self.acting(worker):
            worker.ledger.sweep()

    # --- what holds always ------------------------------------------------------------------------------

    @invariant()
    def values_are_of_one_finish_and_of_the_last(self) -> None:
        stored = self._stored()
        for key, etag in self.listed.items():
            texts = stored.get(key, [])
            loaded = {int(version): text for (of, version), text in self.written.items() if of == key}
            expected = [loaded[max(loaded)]] * len(FIELDS) if loaded else []
            assert texts == expected, f"{key}@{etag}"

    @invariant()
    def a_document_is_done_when_its_content_is_loaded(self) -> None:
        with reading(self.database) as connection:
            rows = connection.execute(select(document.c.id, document.c.etag, document.c.stage)).all()
        for row in rows:
            assert row.etag == self.listed[row.id]
            assert (row.stage == "done") == ((row.id, row.etag) in self.written), tuple(row)

    def _stored(self) -> dict[int, list[str]]:
        query = select(part.c.document_id, field_value.c.text).join(part, part.c.id == field_value.c.part_id)
        found: dict[int, list[str]] = {}
        with reading(self.database) as connection:
            for row in connection.execute(query):
                found.setdefault(row.document_id, []).append(row.text)
        return found

    # --- the end ----------------------------------------------------------------------------------------

    def teardown(self) -> None:
        late = [*self.workers.values()]
        try:
            self._drain(late)
        finally:
            for worker in [*self.workers.values()]:
                worker.open.close()

    def _drain(self, late: list[Worker]) -> None:
        """One that is left does everything; then those that were late wake up."""
        self.time += timedelta(seconds=LEASE_SECONDS)
        last = self._begin("last")
        self._reconcile(last)
        self._list(last)
        for _ in range(4):
            self._one_pass(last)
        for worker in late:
            with self.acting(worker):
                self._finish(worker, worker.kept or self.time)
                self.end_of(worker, "finished")
        self._reconcile(last)
        last.ledger.sweep()
        self.end_of(last, "finished")
        self.values_are_of_one_finish_and_of_the_last()
        self.a_document_is_done_when_its_content_is_loaded()
        self._nothing_is_open()

    def _one_pass(self, worker: Worker) -> None:
        self.time += timedelta(seconds=LEASE_SECONDS / 2)
        worker.stage = worker.after = 0
        while self._claim(worker):
            pass
        for flight in [*worker.flights]:
            self._read(worker, flight)
        self._finish(worker, self.time)
        self._heard(worker)

    def _nothing_is_open(self) -> None:
        wanted = {(key, etag) for key, etag in self.lake.items()}
        assert wanted <= set(self.written), "not every content was loaded"
        with reading(self.database) as connection:
            assert claims.count(connection) == 0
            waiting = operation.c.state.in_(("intended", "submitted"))
            for left in (waiting, run.c.state == "running", lease.c.name.startswith("run:")):
                assert connection.scalar(select(func.count()).where(left)) == 0, str(left)


def _unasked(flight: Flight) -> bool:
    return flight.operation is None


def _begun(flight: Flight) -> bool:
    return not flight.noted


def _asked(flight: Flight) -> bool:
    return flight.operation is not None and flight.noted


def _readable(flight: Flight) -> bool:
    return flight.noted


def _one(choices: list[Any], number: int) -> Any:
    return choices[number % len(choices)]


def _found(hashes: list[str]) -> Callable[..., dict[str, listings.KnownDocument]]:
    return lambda connection: listings.find(connection, ROW.form_type, hashes)


def _values(text: str) -> tuple[ScoredValue, ...]:
    found = (ExtractedField(name, text, 1, None, 0.9) for name in FIELDS)
    return tuple(ScoredValue(each, TypedValue(text=text), False) for each in found)


def check(database: Engine, examples: int, steps: int, *, shrink: bool = True) -> None:
    machine = type("Interleavings", (Machine,), {"database": database})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
            database=None,
            deadline=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_any_interleaving_loads_every_document_once(database: Engine) -> None:
    check(database, examples=80, steps=40)


def test_any_interleaving_loads_every_document_once_on_postgresql(postgresql: Postgresql) -> None:
    url = postgresql.create()
    engine = open_database(url)
    try:
        check(engine, examples=10, steps=30)
    finally:
        engine.dispose()
        postgresql.drop(url)


@pytest.mark.long
def test_thousands_of_interleavings(database: Engine) -> None:
    check(database, examples=3000, steps=60)


def test_without_fencing_it_finds_an_interleaving_that_does_harm(
    database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "renew", lambda *_, **__: None)
    monkeypatch.setattr(claims, "standing", all_standing)
    with pytest.raises((AssertionError, BaseExceptionGroup)) as caught:
        check(database, examples=80, steps=40, shrink=False)
    found = [str(each) for each in getattr(caught.value, "exceptions", [caught.value])]
    assert any("written by a run that was declared dead" in each for each in found)


def played(database: Engine) -> tuple[Machine, Worker, Worker]:
    machine = type("Played", (Machine,), {"database": database})()
    return machine, machine._begin("first"), machine._begin("second")


def test_a_document_that_changed_and_was_claimed_anew_is_not_written_as_it_was(database: Engine) -> None:
    """The first asks for a result, the second sees the blob change, the first claims it again."""
    machine, first, second = played(database)
    machine._claim_some(first)
    machine._ask(first, first.flights[0])
    key = first.flights[0].document.id
    machine.end_of(first, "finished")
    first = machine._begin("third")
    machine._claim_some(first)
    machine.lake[key] = "2"
    machine._list(second)
    while machine._claim(first):
        pass
    assert [each.document.ref.etag for each in first.flights if each.document.id == key] == ["1", "2"]
    machine._read(first, first.flights[0])
    machine._commit(first, heard=True)
    machine.values_are_of_one_finish_and_of_the_last()
    machine.a_document_is_done_when_its_content_is_loaded()
    machine.teardown()
    assert (key, "2") in machine.written


def test_a_commit_done_again_does_not_write_over_a_change_that_was_seen_since(database: Engine) -> None:
    machine, first, second = played(database)
    machine._claim_some(first)
    key = first.flights[0].document.id
    machine._read(first, first.flights[0])
    machine._commit(first, heard=False)
    machine.lake[key] = "2"
    machine._list(second)
    machine.finish_again(0)
    machine.a_document_is_done_when_its_content_is_loaded()
    machine.teardown()
    assert (key, "2") in machine.written
