"""The statements that hold the state of runs: alike on every dialect, and understood by SQL Server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import ClauseElement, Connection, Engine, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from pipeline.db import claims, documents, leases, listings, models, operations, runs
from pipeline.db.connection import reading
from pipeline.db.tables import document, event, field_value, form_type, model_version, part, run, run_row
from pipeline.errors import RowError
from pipeline.params import table
from pipeline.ports import Outcome
from pipeline.reports import documents as checked
from pipeline.reports import queries
from pipeline.scoring.document import ScoreTask
from pipeline.scoring.stage import ScoringContext, ScoringLimits, score_backlog
from pipeline.services import load_services
from pipeline.types import (
    BacklogDocument,
    Blob,
    BlobRef,
    DocumentResult,
    ExtractedField,
    FieldSpec,
    FormType,
    RunRow,
    ScoredValue,
    TypedValue,
)
from tests.databases.spoken import Spoken, faults, for_sql_server, listening
from tests.unit.conftest import Ledger

pytestmark = pytest.mark.xdist_group("state")  # the last test looks at what the others said

NOW = datetime(2026, 11, 21, 9, 30, 15, 123456, tzinfo=UTC)
LATER = NOW + timedelta(seconds=60)
LONG = "a/" + "é" * 1022
PATHS = (
    "in/Scan.pdf",
    "in/scan.pdf",
    "in/SCAN.PDF",
    LONG,
    LONG[:-1] + "è",
    "in/空 白😀.pdf",
    "in/it's 100%.pdf",
)

Answer = TypeVar("Answer")


@pytest.fixture(scope="module")
def spoken() -> Iterator[Spoken]:
    """What the tests of this module said to their databases."""
    heard = Spoken()
    with listening(heard):
        yield heard


@pytest.fixture
def state(each_database: Engine, tmp_path: Path, spoken: Spoken) -> Ledger:
    ledger = Ledger(each_database, tmp_path / "data")
    ledger.form_type("invoice")
    return ledger


def do(ledger: Ledger, statement: Callable[..., Answer], /, *arguments: object, **named: object) -> Answer:
    """One statement in a transaction of its own."""
    with ledger.database.begin() as connection:
        return statement(connection, *arguments, **named)


def listed(paths: Sequence[str]) -> dict[str, tuple[BlobRef, Blob]]:
    refs = [BlobRef("account", "lake", path, f"etag of {number}") for number, path in enumerate(paths)]
    return {documents.path_hash(ref): (ref, Blob(ref.path, ref.etag, 10)) for ref in refs}


def add(state: Ledger, *paths: str) -> list[int]:
    """New documents of these paths; their ids in this order."""
    refs = listed(paths)
    do(state, listings.add, "invoice", refs, NOW)
    found = do(state, listings.find, "invoice", list(refs))
    return [found[key].id for key in refs]


def due(state: Ledger, now: datetime = NOW, after: int = 0, limit: int = 100) -> list[BacklogDocument]:
    return free(state, now, after, limit)


def free(state: Ledger, now: datetime, after: int, limit: int) -> list[BacklogDocument]:
    """What a run could claim: it is claimed and given back."""
    terms = {"stage": "pending", "after": after, "limit": limit, "now": now}
    found = do(state, claims.claim, "invoice", 4711, **terms)
    do(state, claims.release, 4711)
    return found


def stored(state: Ledger, key: int) -> tuple[str, str | None, int, str | None]:
    columns = (document.c.stage, document.c.outcome, document.c.attempts, document.c.reason)
    with reading(state.database) as connection:
        row = connection.execute(select(*columns).where(document.c.id == key)).one()
    return tuple(row)  # type: ignore[return-value]


# --- leases -----------------------------------------------------------------------------------------


def take(database: Engine, holder: str, over: leases.Holder | None, barrier: threading.Barrier) -> bool:
    barrier.wait()
    with database.begin() as connection:
        taken = leases.take(connection, "group:a", holder, now=NOW, seconds=60, over=over)
    return taken is not None


@pytest.mark.parametrize("held", [False, True])
def test_of_many_that_want_a_lease_at_once_one_gets_it(state: Ledger, held: bool) -> None:
    over = None
    if held:
        do(state, leases.take, "group:a", "dead", now=NOW, seconds=-1, over=None)
        over = do(state, leases.look, "group:a")
    barrier = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        won = [pool.submit(take, state.database, name, over, barrier) for name in "wxyz"]
        assert sorted(each.result(timeout=60) for each in won) == [False, False, False, True]
    now = do(state, leases.look, "group:a")
    assert now is not None
    assert (now.fencing, now.expires_at) == (2 if held else 1, LATER)


def test_what_a_holder_that_was_fenced_off_writes_is_not_kept(state: Ledger) -> None:
    (key,) = add(state, "a")
    lost = do(state, leases.take, "group:a", "first", now=NOW, seconds=60, over=None)
    assert lost is not None
    over = do(state, leases.look, "group:a")
    do(state, leases.take, "group:a", "second", now=LATER, seconds=60, over=over)
    with pytest.raises(RowError, match="another run"), state.database.begin() as connection:
        listings.mark_gone(connection, [key], NOW)
        leases.renew(connection, lost, now=LATER, seconds=60)
    assert stored(state, key)[0] == "pending"


# --- models -----------------------------------------------------------------------------------------


def test_a_group_has_one_active_model(state: Ledger) -> None:
    first, second = state.version("a", 1), state.version("a", 2, "candidate")
    state.version("b", 1)
    with pytest.raises(IntegrityError):
        do(state, models.move, second, "active", expected=("candidate",))
    assert do(state, models.move, first, "retired", expected=("active",))
    assert do(state, models.move, second, "active", expected=("candidate",), promoted_at=NOW)
    active = do(state, models.active, "a")
    assert active is not None
    assert (active.version, active.promoted_at) == (2, NOW)


def test_models_are_found_by_id_time_and_bytes(state: Ledger) -> None:
    content = bytes(range(256)) * 40
    digest = do(state, models.store_bundle, content)
    old = state.version("a", 1, "retired", service_model_id="m", bundle_sha256=digest, training_documents=5)
    new = state.version("a", 2, "active", service_model_id="m", training_documents=5)
    state.version("a", 3, "invalid", service_model_id="m", training_documents=5)
    found = do(state, models.by_service_model_id, "local", "m")
    assert found is not None
    assert found.id == new
    assert do(state, models.load_bundle, old) == content
    assert do(state, models.load_bundle_of_model, "local", "m") == content
    assert do(state, models.trainings_since, "a", NOW) == 0
    assert do(state, models.trainings_since, "a", NOW - timedelta(days=999)) == 3
    assert do(state, models.ids_in_use_beside, "b") == {"m"}
    do(state, models.forget_model, old, "pruned")
    assert do(state, models.drop_bundles, [old]) == 1


# --- documents --------------------------------------------------------------------------------------


def test_paths_are_kept_and_found_to_the_letter(state: Ledger) -> None:
    keys = add(state, *PATHS)
    assert len(set(keys)) == len(PATHS)
    assert [(each.id, each.ref.path) for each in due(state)] == list(zip(keys, PATHS, strict=True))
    with reading(state.database) as connection:
        for key, path in zip(keys, PATHS, strict=True):
            assert connection.scalars(select(document.c.id).where(document.c.path == path)).all() == [key]


def test_a_document_that_another_run_added_meanwhile_stays_as_it_is(state: Ledger) -> None:
    keys = add(state, "a", "b")
    do(state, listings.mark_gone, keys[:1], NOW)
    assert add(state, "b", "a", "c")[:2] == keys[::-1]
    assert stored(state, keys[0]) == ("done", "gone", 0, "blob-gone")


def test_a_document_that_changed_is_pending_as_new(state: Ledger) -> None:
    (key,) = add(state, "a")
    do(state, documents.postpone, key, attempts=2, next_try_at=LATER, reason="slow", message="x" * 5000)
    do(state, listings.renew, {key: Blob("a", "new", 11)})
    (found,) = due(state)
    assert (found.ref.etag, found.size, found.attempts) == ("new", 11, 0)
    assert stored(state, key) == ("pending", None, 0, None)


def test_a_document_waits_for_its_next_try(state: Ledger) -> None:
    first, second, third = add(state, "a", "b", "c")
    do(state, documents.postpone, first, attempts=1, next_try_at=LATER, reason="slow", message="later")
    assert [each.id for each in due(state)] == [second, third]
    assert [each.id for each in due(state, LATER)] == [first, second, third]
    assert [each.id for each in due(state, after=second)] == [third]
    assert [each.id for each in due(state, limit=1)] == [second]
    assert do(state, documents.count_pending, "invoice", NOW) == (2, 1)
    assert do(state, documents.hurry, "invoice", "other") == 0
    assert do(state, documents.hurry, "invoice", "slow") == 1
    assert do(state, documents.count_pending, "invoice", NOW) == (3, 0)


def test_documents_that_are_gone_are_not_listed_again(state: Ledger) -> None:
    keys = add(state, *(f"{n}" for n in range(5)))
    do(state, listings.mark_gone, keys[:2], NOW)
    top = do(state, listings.highest_id, "invoice")
    assert (top, do(state, listings.highest_id, "nothing")) == (keys[-1], 0)
    assert sorted(listings.ids_of(state.database, "invoice", top)) == keys
    assert sorted(listings.ids_of(state.database, "invoice", keys[3])) == keys[:4]
    assert do(state, listings.count, "invoice", keys[3]) == 4
    assert do(state, listings.not_gone, keys) == keys[2:]
    assert stored(state, keys[0]) == ("done", "gone", 0, "blob-gone")


def scored(key: int, outcome: str = "loaded", *values: ScoredValue, pages: int = 1) -> DocumentResult:
    to_do = BacklogDocument(key, "invoice", BlobRef("account", "lake", "a", "e"), 1)
    return DocumentResult(to_do, outcome, values=values, pages=pages)  # type: ignore[arg-type]


def value(field: str, words: str, typed: TypedValue | None = None) -> ScoredValue:
    found = ExtractedField(field, words, 1, None, 0.9)
    return ScoredValue(found, typed or TypedValue(text=words), False)


def finish(state: Ledger, by: int, *results: DocumentResult) -> None:
    at = state.run(state="running")
    do(state, documents.finish, results, model_version_id=by, run_id=at, now=NOW)


def test_what_was_scored_is_counted_and_can_be_scored_again(state: Ledger) -> None:
    old, new = state.version("invoice", 1, "retired"), state.version("invoice", 2)
    keys = add(state, "a", "b", "c")
    finish(state, old, scored(keys[0], pages=1), scored(keys[1], "partial", pages=2))
    finish(state, new, scored(keys[2], "dead", pages=2))
    assert do(state, documents.count_stale, "invoice", new) == 2
    chosen = {"outcomes": documents.RESCORED, "not_by_version": new}
    assert do(state, documents.reset, "invoice", reason="nothing", **chosen) == 0
    assert do(state, documents.reset, "invoice", **chosen) == 2
    assert do(state, documents.reset, "invoice", outcomes=["dead"], not_by_version=new) == 0


def test_empty_is_not_null(state: Ledger) -> None:
    (key,) = add(state, "a")
    texts = value("empty", ""), value("none", "x", TypedValue()), value("é😀'", " spaces kept ")
    finish(state, state.version("invoice", 1), scored(key, "loaded", *texts))
    query = select(field_value.c.field, field_value.c.text, field_value.c.value_text)
    with reading(state.database) as connection:
        found = {row.field: (row.text, row.value_text) for row in connection.execute(query)}
    assert found == {
        "empty": ("", ""),
        "none": ("x", None),
        "é😀'": (" spaces kept ", " spaces kept "),
    }


# --- operations, runs and events --------------------------------------------------------------------


def test_operations_are_found_again_by_their_documents(state: Ledger) -> None:
    version = state.version("invoice", 1, engine="form-recognizer")
    keys = add(state, "a", "b", "c")
    intents = [operations.Intent("analyze", "invoice", "me", LATER, version, documents=(k,)) for k in keys]
    ids = [do(state, operations.intend, intent, NOW) for intent in intents]
    for key in ids[:2]:
        do(state, operations.submitted, key, f"https://host/{key}", NOW)
    found = do(state, operations.of_documents, keys)
    assert {key: (each.url, each.deadline) for key, each in found.items()} == {
        keys[0]: (f"https://host/{ids[0]}", LATER),
        keys[1]: (f"https://host/{ids[1]}", LATER),
    }
    assert do(state, operations.give_up_intents, ["me"], NOW) == 0
    assert do(state, operations.give_up_intents, ["another"], NOW) == 1
    do(state, operations.finish_of_documents, keys[:1], NOW)
    assert [each.id for each in do(state, operations.open_ones, "invoice", "analyze")] == ids[1:2]
    do(state, operations.give_up_foreign, "invoice", "form-recognizer", NOW)
    do(state, operations.forget_unwanted, "invoice", NOW)
    assert len(do(state, operations.open_ones, "invoice", "analyze")) == 1
    do(state, operations.give_up_foreign, "invoice", "local", NOW)
    assert do(state, operations.open_ones, "invoice", "analyze") == ()
    assert [stored(state, key)[0] for key in keys] == ["submitted", "pending", "pending"]
    assert do(state, operations.trainings_of, version) == ()


def test_a_run_and_what_it_did_are_kept(state: Ledger) -> None:
    lost = do(state, runs.start, holder="dead", now=NOW)
    mine = do(state, runs.start, holder="me", now=NOW)
    assert do(state, runs.open_ones) == {lost: "dead", mine: "me"}
    do(state, runs.finish, lost, state="lost", now=LATER)
    do(state, runs.finish, lost, state="finished", now=LATER)
    do(state, runs.add_row, mine, RunRow("invoice", "finished", loaded=2, seconds=0.25))
    do(state, runs.record, "seen", now=NOW, run_id=mine, form_type="invoice", fields=["é"])
    do(state, runs.finish, mine, state="finished", now=LATER)
    with reading(state.database) as connection:
        found = queries.find_run(connection, None)
        assert found is not None
        assert (found.id, found.started_at, found.finished_at) == (mine, NOW, LATER)
        assert queries.rows_of_run(connection, mine)["invoice"].seconds == 0.25
        assert queries.last_runs(connection)["invoice"].run_id == mine
        assert connection.scalar(select(run.c.state).where(run.c.id == lost)) == "lost"
        assert connection.scalar(select(event.c.at)) == NOW
        assert connection.scalar(select(func.sum(run_row.c.loaded))) == 2


# --- what reports and verification ask --------------------------------------------------------------


def test_reports_count_alike(state: Ledger) -> None:
    version = state.version("invoice", 1)
    sure = {"field": "No", "confidence": 0.95}
    unsure = {"field": "No", "confidence": 0.1, "review": True}
    unclear = {"field": "Due", "confidence": None, "review": True, "ambiguous": True}
    by = {"model_version_id": version}
    state.document("invoice", "a", values=[sure, unclear], pages=2, ocr_pages=1, **by)
    state.document("invoice", "b", "partial", [unsure, unsure | {"source": "person"}], reason="few", **by)
    state.document("invoice", "c", "dead", reason="damaged-pdf", message="no pages")
    state.document("invoice", "d", None)
    with reading(state.database) as connection:
        states = {row.state: (row.documents, row.pages) for row in queries.documents_by_state(connection)}
        assert states == {"loaded": (1, 2), "partial": (1, 1), "dead": (1, 0), "pending": (1, 0)}
        failed = [(r.state, r.reason, r.documents, r.message) for r in queries.failures(connection)]
        assert failed == [("dead", "damaged-pdf", 1, "no pages"), ("partial", "few", 1, None)]
        assert [(r.version, r.documents) for r in queries.documents_by_version(connection)] == [(1, 2)]
        tenths = {
            (r.field, r.field_tenth, r.number, r.review, r.ambiguous)
            for r in queries.confidences(connection, "invoice")
        }
        assert tenths == {("No", 9, 1, 0, 0), ("No", 1, 1, 0, 0), ("Due", None, 1, 0, 1)}
        assert queries.review_counts(connection) == {"invoice": 1}
        assert [r.field for r in queries.review_list(connection, "invoice", 5)] == ["Due"]
        assert queries.form_types(connection) == {"invoice": "invoice"}
        assert [r.version for r in queries.model_versions(connection)] == [1]
        assert list(queries.finished_documents(connection, 1)) == []


def test_verification_sees_documents_alike(state: Ledger) -> None:
    own = {"field": "No", "source": "person", "text": ""}
    first = state.document("invoice", "a", values=[{"field": "No"}, own, {"field": "Due"}], pages=3)
    state.part(first, number=2, first_page=4, last_page=4)
    second = state.document("invoice", "b", None)
    found = [each for page in checked.pages(state.database, "invoice", ["No", "Due"], 1) for each in page]
    assert [(each.id, each.parts, each.part_pages, each.values, each.fields) for each in found] == [
        (second, 0, 0, 0, frozenset()),
        (first, 2, 4, 2, frozenset({"Due"})),
    ]
    assert checked.highest_id(state.database) == second


# --- the parameter table ----------------------------------------------------------------------------


def test_rows_are_saved_loaded_and_purged(state: Ledger) -> None:
    row = FormType(
        "other",
        "other",
        training_container="forms",
        scoring_container="forms",
        training_folder="Ä/t/",
        scoring_folder="Ä/b/",
        fields=(FieldSpec("Größe 😀", "currency", required=True),),
    )
    rows = (replace(row, min_confidence=0.25), replace(row, form_type="third", group="third", locale="de-AT"))
    do(state, table.save, rows)
    do(state, table.save, rows)

    def load(connection: Connection) -> tuple[FormType, ...]:
        return table.load(connection, load_services(), date(2026, 11, 21)).form_types

    assert [each for each in do(state, load) if each.form_type != "invoice"] == list(rows)
    assert do(state, table.disable, ["other", "nothing"]) == {"other"}
    assert [each.form_type for each in do(state, load) if not each.enabled] == ["other"]
    add(state, "a")
    assert do(state, table.documents_of, "invoice") == 1
    assert do(state, table.purge, "invoice", NOW).documents == 1
    with reading(state.database) as connection:
        assert connection.scalars(select(form_type.c.form_type).order_by(form_type.c.form_type)).all() == [
            "other",
            "third",
        ]


def test_a_readers_view_is_not_held_up_by_a_writer(state: Ledger) -> None:
    """Nor does it see what is not committed."""
    (key,) = add(state, "a")
    with state.database.begin() as writer:
        writer.execute(update(document).where(document.c.id == key).values(attempts=7))
        if state.database.dialect.name != "mssql":  # without snapshots a reader waits there
            assert stored(state, key)[2] == 0
    assert stored(state, key)[2] == 7


class Reading:
    """An executor that looks, while a document is read, at what the database is kept waiting with."""

    def __init__(self, database: Engine) -> None:
        self.database = database
        self.open: list[int] = []

    def map(self, tasks: Iterable[ScoreTask], **_limits: object) -> Iterator[Outcome[ScoreTask, object]]:
        for task in tasks:
            self.open.append(self.transactions())
            yield Outcome(task, replace(scored(0, "loaded", value("No", "1")), document=task.document))
            self.open.append(self.transactions())

    def transactions(self) -> int:
        """Connections in use, and what the server says of them where it can be asked."""
        used = self.database.pool.checkedout()  # type: ignore[attr-defined]
        if self.database.dialect.name != "postgresql":
            return int(used)
        query = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'"
        with self.database.connect() as connection:
            return int(used + connection.scalar(text(f"{query} AND pid <> pg_backend_pid()")))


def test_no_transaction_is_open_while_a_document_is_read(state: Ledger) -> None:
    version = do(state, models.by_id, state.version("invoice", 1))
    assert version is not None
    add(state, *(f"{n}" for n in range(5)))
    executor, written = Reading(state.database), []
    context = ScoringContext(
        database=state.database,
        executor=executor,  # type: ignore[arg-type]
        now=lambda: NOW,
        guard=lambda connection: written.append(connection.in_transaction()),
        stopping=lambda: False,
        progress=lambda tally: None,
        run_id=state.run(state="running"),
    )
    limits = ScoringLimits(timeout=1, batch=2, retry_delay=1, max_pages=1, min_confidence=0.5)
    places = {"training_container": "lake", "scoring_container": "lake"}
    row = FormType("invoice", "invoice", training_folder="t/", scoring_folder="b/", **places)  # type: ignore[arg-type]
    assert score_backlog(context, row, version, limits).loaded == 5
    assert written and all(written)
    assert executor.open == [0] * 10


def test_what_hangs_on_a_document_goes_with_it(state: Ledger) -> None:
    key = state.document("invoice", "a", values=[{"field": "No"}])
    with state.database.begin() as connection:
        connection.execute(document.delete().where(document.c.id == key))
        assert connection.scalar(select(func.count()).select_from(part)) == 0
        assert connection.scalar(select(func.count()).select_from(field_value)) == 0
    with pytest.raises(IntegrityError), state.database.begin() as connection:
        connection.execute(insert(part).values(document_id=key, number=1, first_page=1, last_page=1))
    with reading(state.database) as connection:
        assert connection.scalar(select(func.count()).select_from(model_version)) == 0


# --- SQL Server -------------------------------------------------------------------------------------


def test_sql_server_understands_all_of_this(spoken: Spoken) -> None:
    """Runs last, over what the tests above said."""
    if len(spoken.compiled) < 50:
        pytest.skip("only of interest after the tests above")
    wrong = {statement: found for statement in sorted(spoken.compiled) if (found := faults(statement))}
    assert not wrong, "\n".join(f"{found}: {statement}" for statement, found in wrong.items())


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (select(func.json_extract(event.c.details, "$.a")), "json_extract"),
        (select(func.group_concat(document.c.path)), "group_concat"),
        (select(func.ifnull(document.c.path, "")), "ifnull"),
        (select(document.c.path.op("||")("x")), "||"),
    ],
)
def test_what_sql_server_does_not_know_is_found(statement: ClauseElement, fault: str) -> None:
    assert any(fault in found for found in faults(for_sql_server(statement)))
