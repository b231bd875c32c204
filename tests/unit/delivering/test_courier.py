"""The outbox and who empties it, on every dialect."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlfluff
from sqlalchemy import Connection, Engine, event, select, update
from sqlalchemy.dialects import mssql
from sqlalchemy.exc import OperationalError

from pipeline.db import deliveries, listings
from pipeline.db.connection import reading
from pipeline.db.tables import delivery, document, field_value
from pipeline.delivering import courier as courier_module
from pipeline.delivering.courier import Courier, DeliveryContext
from pipeline.errors import DocumentError, RowError
from pipeline.formats.item_json import item_id
from pipeline.types import FormType, SinkItem

if TYPE_CHECKING:
    from tests.unit.delivering.conftest import Filing

ROW = FormType("w9", "w9", "forms", "t/", "forms", "in/", sinks=("sql", "box"))
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class KilledError(BaseException):
    """The process ends here."""


@dataclass
class Box:
    """A sink in memory that can be told to fail."""

    items: dict[str, SinkItem] = field(default_factory=dict)
    puts: list[list[str]] = field(default_factory=list)
    error: BaseException | None = None
    killed_after_put: bool = False
    too_large: set[str] = field(default_factory=set)
    asked: int = 0

    def of(self, name: str) -> Box:
        assert name in ("box", "other")
        return self

    def put(
        self, form_type: str, items: Sequence[SinkItem], replaced: Sequence[str] = ()
    ) -> Mapping[str, DocumentError]:
        self.asked += 1
        if self.error:
            raise self.error
        taken = [item for item in items if item.path not in self.too_large]
        self.items.update({item.id: item for item in taken})
        self.puts.append([item.path for item in items])
        if self.killed_after_put:
            raise KilledError
        self.remove(form_type, replaced)
        refusal = DocumentError("2 MB", reason="item-too-large")
        return {item.id: refusal for item in items if item.path in self.too_large}

    def remove(self, form_type: str, ids: Sequence[str]) -> None:
        for each in ids:
            self.items.pop(each, None)

    def keys(self, form_type: str) -> Iterator[tuple[str, str]]:
        return ((item.id, item.digest) for item in self.items.values())


@dataclass
class Office:
    """Documents, a sink, and a clock that a test turns."""

    filing: Filing
    box: Box = field(default_factory=Box)
    now: datetime = NOON
    stopping: Callable[[], bool] = lambda: False
    guarded: int = 0

    def courier(self, row: FormType = ROW) -> Courier:
        def guard(connection: Connection) -> None:
            self.guarded += 1

        engine = self.filing.engine
        return Courier(DeliveryContext(engine, self.box, lambda: self.now, guard, self.stopping), row)

    def scored(self, number: int, text: str = "Ann", **columns: Any) -> int:
        """A document as scoring leaves it, queued."""
        values = {"path": str(number), "path_hash": f"{number:064x}", "content_hash": f"{number:064x}"[::-1]}
        key = self.filing.document(**(values | {"finished_at": self.now} | columns))
        self.filing.value(self.filing.part(key), "name", text=text, value_text=text)
        self.queue(key)
        return key

    def queue(self, *keys: int, sinks: tuple[str, ...] = ROW.sinks) -> None:
        with self.filing.engine.begin() as connection:
            deliveries.queue(connection, sinks, keys, self.now)

    def change(self, key: int, **columns: Any) -> None:
        with self.filing.engine.begin() as connection:
            connection.execute(update(document).where(document.c.id == key).values(**columns))

    def states(self, sink: str = "box") -> list[str]:
        with reading(self.filing.engine) as connection:
            query = select(delivery.c.state).where(delivery.c.sink == sink).order_by(delivery.c.document_id)
            return list(connection.scalars(query))

    def row(self, key: int, sink: str = "box") -> Any:
        with reading(self.filing.engine) as connection:
            mine = (delivery.c.document_id == key, delivery.c.sink == sink)
            return connection.execute(select(delivery).where(*mine)).one()

    @property
    def paths(self) -> list[str]:
        return sorted(item.path for item in self.box.items.values())


@pytest.fixture
def office(filing: Filing) -> Office:
    return Office(filing)


def test_what_was_queued_is_sent_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier_module, "_BATCH", 2)
    keys = [office.scored(number) for number in range(5)]
    courier = office.courier()
    courier.send()
    assert (office.paths, courier.sent, courier.troubles()) == (list("01234"), {"box": 5}, [])
    assert office.box.puts == [["0", "1"], ["2", "3"], ["4"]]
    sent = office.row(keys[0])
    assert (sent.state, sent.attempts, sent.delivered_at, sent.reason) == ("delivered", 1, NOON, None)
    assert sent.item_id == next(item.id for item in office.box.items.values() if item.path == "0")
    assert office.guarded == 3
    courier.send()
    office.courier().catch_up()
    assert len(office.box.puts) == 3


def test_what_is_sent_is_read_across_a_lost_connection(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.scored(1)
    lost = OperationalError("SELECT", None, Exception("gone"), connection_invalidated=True)
    failing = {"pending": [lost], "build_items": [lost]}

    def once_failing(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def read(*args: Any, **options: Any) -> Any:
            if failing[name]:
                raise failing[name].pop()
            return work(*args, **options)

        return read

    monkeypatch.setattr(deliveries, "pending", once_failing("pending", deliveries.pending))
    items = once_failing("build_items", courier_module.build_items)
    monkeypatch.setattr(courier_module, "build_items", items)
    office.courier().send()
    assert (office.paths, office.states(), failing["build_items"]) == (["1"], ["delivered"], [])


def test_a_row_of_sql_alone_has_no_outbox(office: Office) -> None:
    key = office.scored(1)
    office.queue(key, sinks=("sql",))
    office.courier(FormType("w9", "w9", "forms", "t/", "forms", "in/")).catch_up()
    assert office.states("sql") == []
    assert office.box.asked == 0


def test_each_sink_has_a_delivery_of_its_own(office: Office) -> None:
    key = office.scored(1)
    office.queue(key, sinks=("cosmos", "sql", "jsonl", "cosmos"))
    assert (office.states("cosmos"), office.states("jsonl")) == (["pending"], ["pending"])
    office.courier().send()
    assert (office.states(), office.states("cosmos")) == (["delivered"], ["pending"])


def test_a_delivery_that_was_cut_off_is_made_again_under_the_same_id(office: Office) -> None:
    office.scored(1)
    office.box.killed_after_put = True
    with pytest.raises(KilledError):
        office.courier().send()
    assert office.states() == ["pending"]
    office.box.killed_after_put = False
    office.courier().send()
    assert (office.paths, office.states()) == (["1"], ["delivered"])
    assert office.box.puts == [["1"], ["1"]]


def test_a_sink_that_fails_costs_its_deliveries_and_is_asked_again_at_the_end(office: Office) -> None:
    keys = [office.scored(number) for number in range(3)]
    office.queue(*keys, sinks=("other",))
    office.box.error = RowError("Cosmos DB does not answer", reason="sink-not-reachable")
    row = FormType("w9", "w9", "forms", "t/", "forms", "in/", sinks=("sql", "box"))
    courier = office.courier(row)
    courier.send()
    courier.send()
    assert office.box.asked == 1
    courier.catch_up()
    assert office.box.asked == 2
    [trouble] = courier.troubles()
    assert (trouble.sink, trouble.reason, trouble.documents) == ("box", "sink-not-reachable", 3)
    assert str(trouble) == (
        "3 documents not yet in box (sink-not-reachable): Cosmos DB does not answer; the next run sends them"
    )
    kept = office.row(keys[0])
    assert (kept.state, kept.attempts, kept.reason) == ("pending", 2, "sink-not-reachable")
    office.box.error = None
    again = office.courier()
    again.send()
    assert (office.paths, again.troubles()) == (["0", "1", "2"], [])


def test_a_sink_that_was_away_for_a_moment_has_everything_at_the_end(office: Office) -> None:
    office.scored(1)
    office.box.error = RowError("Cosmos DB does not answer", reason="sink-not-reachable")
    courier = office.courier()
    courier.send()
    office.box.error = None
    office.scored(2)
    courier.send()
    assert office.paths == []
    courier.catch_up()
    assert (office.paths, courier.troubles()) == (["1", "2"], [])


def test_a_bug_of_a_sink_is_named_without_a_value(office: Office) -> None:
    office.scored(1)
    office.box.error = ZeroDivisionError("Ann Lee")
    courier = office.courier()
    courier.send()
    [trouble] = courier.troubles()
    assert trouble.reason == "unexpected-error"
    assert "ZeroDivisionError at test_courier.py" in trouble.message
    assert "Ann" not in str(trouble)


def test_a_lease_that_was_lost_ends_the_row_before_anything_is_noted(office: Office) -> None:
    office.scored(1)

    def guard(connection: Connection) -> None:
        raise RowError("another run took over", reason="lease-lost")

    context = DeliveryContext(office.filing.engine, office.box, lambda: NOON, guard, lambda: False)
    with pytest.raises(RowError, match="took over"):
        Courier(context, ROW).send()
    assert office.states() == ["pending"]


def test_an_item_that_cannot_be_taken_is_failed_alone_until_it_changes(office: Office) -> None:
    first, second = office.scored(1), office.scored(2)
    office.courier().send()
    office.box.too_large = {"1"}
    office.now += timedelta(minutes=1)
    office.queue(first, second)
    courier = office.courier()
    courier.send()
    assert (office.states(), office.paths) == (["failed", "delivered"], ["2"])
    assert (office.row(first).reason, office.row(first).item_id) == ("item-too-large", None)
    [trouble] = courier.troubles()
    assert trouble.lasting
    assert str(trouble) == "1 document not in box (item-too-large): 2 MB"
    office.courier().catch_up()
    assert office.states() == ["failed", "delivered"]
    office.box.too_large = set()
    office.now += timedelta(minutes=1)
    office.queue(first)
    office.courier().send()
    assert (office.states(), office.paths) == (["delivered", "delivered"], ["1", "2"])


def test_a_document_whose_content_changed_has_one_item(office: Office) -> None:
    key = office.scored(1)
    office.courier().send()
    [before] = office.box.items
    office.now += timedelta(minutes=1)
    office.change(key, content_hash="d" * 64, finished_at=office.now)
    office.queue(key)
    assert office.row(key).item_id == before
    office.courier().send()
    [after] = office.box.items
    assert after == item_id("w9", f"{1:064x}", "d" * 64)
    assert office.row(key).item_id == after


def test_a_kill_between_the_new_item_and_the_removal_of_the_old_one_leaves_no_old_one(office: Office) -> None:
    key = office.scored(1)
    office.courier().send()
    office.change(key, content_hash="d" * 64)
    office.queue(key)
    office.box.killed_after_put = True
    with pytest.raises(KilledError):
        office.courier().send()
    assert len(office.box.items) == 2
    office.box.killed_after_put = False
    office.courier().send()
    assert list(office.box.items) == [office.row(key).item_id]


def test_a_document_that_died_is_taken_away(office: Office) -> None:
    key = office.scored(1)
    office.courier().send()
    office.change(key, outcome="dead")
    office.queue(key)
    office.courier().send()
    assert (office.box.items, office.states(), office.row(key).item_id) == ({}, ["delivered"], None)


def test_a_document_that_is_being_scored_again_waits_for_its_end(office: Office) -> None:
    key = office.scored(1)
    office.change(key, stage="pending", outcome=None)
    office.courier().catch_up()
    assert (office.box.asked, office.states()) == (0, ["pending"])
    office.change(key, stage="done", outcome="loaded")
    office.courier().send()
    assert office.paths == ["1"]


def test_a_sink_that_a_row_names_later_gets_everything(office: Office) -> None:
    keys = [office.scored(number) for number in range(3)]
    office.change(keys[2], outcome="dead")
    with office.filing.engine.begin() as connection:
        connection.execute(delivery.delete())
    office.courier().catch_up()
    assert (office.paths, office.states()) == (["0", "1"], ["delivered"] * 3)


def test_a_blob_that_left_the_backlog_is_told_to_the_sink(office: Office) -> None:
    key = office.scored(1)
    office.courier().send()
    office.now += timedelta(seconds=1)
    with office.filing.engine.begin() as connection:
        listings.mark_gone(connection, [key], office.now)
    office.courier().catch_up()
    [item] = office.box.items.values()
    assert item.outcome == "gone"
    office.courier().catch_up()
    assert len(office.box.puts) == 2


def test_what_is_queued_while_it_is_sent_is_sent_again(office: Office) -> None:
    """A person corrects a value after the item was built and before the delivery is noted."""
    key = office.scored(1)
    real = office.box.put

    def put(*arguments: Any) -> Mapping[str, DocumentError]:
        found = real(*arguments)
        office.now += timedelta(seconds=1)
        if len(office.box.puts) == 1:
            with office.filing.engine.begin() as connection:
                connection.execute(update(field_value).values(value_text="Bob"))
            office.queue(key)
        return found

    office.box.put = put  # type: ignore[method-assign]
    office.courier().send()
    assert office.states() == ["pending"]
    office.courier().send()
    assert office.states() == ["delivered"]
    [item] = office.box.items.values()
    assert item.fields["name"]["value"] == "Bob"


def test_a_run_that_is_stopping_leaves_the_rest_for_the_next(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier_module, "_BATCH", 2)
    for number in range(5):
        office.scored(number)
    office.stopping = lambda: len(office.box.puts) >= 1
    office.courier().send()
    assert office.states().count("delivered") == 2
    office.stopping = lambda: False
    office.courier().send()
    assert len(office.paths) == 5


def test_every_id_a_document_may_have_is_known(office: Office) -> None:
    """Also that of a delivery that was cut off before it was noted."""
    noted, cut_off = office.scored(1), office.scored(2)
    office.courier().send()
    office.change(noted, content_hash="d" * 64)
    with office.filing.engine.begin() as connection:
        connection.execute(update(delivery).where(delivery.c.document_id == cut_off).values(item_id=None))
        found = deliveries.items_of(connection, [noted, cut_off])
    assert set(found) == {"box"}
    assert found["box"]["w9"] >= set(office.box.items)
    assert item_id("w9", f"{1:064x}", "d" * 64) in found["box"]["w9"]
    assert len(found["box"]["w9"]) == 3


def test_many_documents_at_once(each_database: Engine, office: Office) -> None:
    """More than an IN list holds."""
    with each_database.begin() as connection:
        connection.execute(
            document.insert(),
            [
                {
                    "form_type": "w9",
                    "container": "forms",
                    "path": str(number),
                    "path_hash": f"{number:064x}",
                    "etag": "1",
                    "size": 1,
                    "stage": "done",
                    "outcome": "loaded",
                    "first_seen_at": NOON,
                    "finished_at": NOON,
                }
                for number in range(1, 1203)
            ],
        )
        keys = list(connection.scalars(select(document.c.id)))
        deliveries.queue(connection, ("box",), keys, NOON)
        deliveries.queue(connection, ("box",), keys, NOON + timedelta(seconds=1))
        assert deliveries.count_pending(connection, "w9", "box") == 1202
        deliveries.attempted(connection, "box", keys, "r" * 80)
        assert {each.reason for each in deliveries.standings(connection, "box", keys).values()} == {"r" * 60}


def test_every_statement_is_one_that_sql_server_reads(
    database: Engine, make_filing: Callable[[Engine], Filing]
) -> None:
    """None of them needs SQLite or PostgreSQL: each is compiled for SQL Server and parsed as its dialect."""
    statements: list[str] = []

    @event.listens_for(database, "before_execute")
    def _(connection: Any, statement: Any, *_: Any) -> None:
        made = statement.compile(dialect=mssql.dialect(), compile_kwargs={"render_postcompile": True})
        statements.append(re.sub(r":(\w+)", r"@\1", str(made)))

    office = Office(make_filing(database))
    statements.clear()
    keys = [office.scored(number) for number in range(2)]
    office.queue(*keys)
    office.courier().catch_up()
    office.box.error = RowError("away", reason="sink-failed")
    office.queue(*keys)
    courier = office.courier()
    courier.send()
    assert courier.troubles()
    with database.begin() as connection:
        deliveries.items_of(connection, keys)
        deliveries.standings(connection, "box", keys)
    about = [each for each in dict.fromkeys(statements) if "delivery" in each]
    assert len(about) >= 9
    for statement in about:
        assert "LIMIT" not in statement
        sqlfluff.parse(statement + ";", dialect="tsql")
