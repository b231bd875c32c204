"""Sinks against SQL: what is found, and what is made equal again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update

from pipeline.db import deliveries, leases
from pipeline.db.tables import delivery, document, field_value, form_type, part
from pipeline.errors import RowError
from pipeline.orchestrator.leasing import LeaseTerms, this_holder
from pipeline.orchestrator.repair import SinkVerifier
from pipeline.ports import Sink
from pipeline.reports.verification import Counts, Difference
from pipeline.sinks.jsonl import JsonlSink
from pipeline.types import FormType

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ROW = FormType("w9", "w9", "forms", "t/", "forms", "in/", sinks=("sql", "jsonl"))


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def of(self, name: str) -> Sink:
        if name != "jsonl":
            raise RowError("set cosmos_endpoint", reason="sink-not-configured")
        return JsonlSink(self.path)


class Shop:
    """A database and a folder of lines, and what verification says of them."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self.engine = engine
        self.sinks = Folder(path)
        self.sink = JsonlSink(path)
        self.file = path / "w9.jsonl"
        with engine.begin() as connection:
            values = {"training_container_name": "forms", "scoring_container_name": "forms"}
            connection.execute(insert(form_type).values(form_type="w9", **values))

    def documents(self, count: int, **columns: Any) -> list[int]:
        with self.engine.begin() as connection:
            last = len(connection.scalars(select(document.c.id)).all())
            values = {
                "form_type": "w9",
                "container": "forms",
                "etag": "1",
                "size": 1,
                "stage": "done",
                "outcome": "loaded",
                "first_seen_at": NOW,
                "finished_at": NOW,
            }
            rows = [
                values
                | {"path": f"{n}.pdf", "path_hash": f"{n:064x}", "content_hash": f"{n:064x}"[::-1]}
                | columns
                for n in range(last + 1, last + count + 1)
            ]
            connection.execute(insert(document), rows)
            keys = list(connection.scalars(select(document.c.id).order_by(document.c.id)))[last:]
            connection.execute(
                insert(part), [{"document_id": k, "number": 1, "first_page": 1, "last_page": 1} for k in keys]
            )
            parts = connection.scalars(select(part.c.id).where(part.c.document_id.in_(keys[:500])))
            connection.execute(
                insert(field_value), [{"part_id": k, "field": "name", "value_text": "Ann"} for k in parts]
            )
        return keys

    def check(self, *rows: FormType, repair: bool = False) -> tuple[list[Difference], SinkVerifier, Counts]:
        terms = LeaseTerms(this_holder(), 60, lambda: NOW) if repair else None
        verifier, counts = SinkVerifier(self.engine, self.sinks, lambda: NOW, terms), Counts()
        return list(verifier.differences(rows or (ROW,), counts)), verifier, counts

    def kinds(self) -> list[tuple[str, str]]:
        return [(each.kind, each.path) for each in self.check()[0]]

    def repair(self) -> tuple[int, int, str | None]:
        [done] = self.check(repair=True)[1].repaired
        return done.sent, done.removed, done.trouble

    def change(self, key: int, **columns: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(update(document).where(document.c.id == key).values(**columns))

    def deliveries(self) -> list[Any]:
        with self.engine.begin() as connection:
            return list(connection.execute(select(delivery).order_by(delivery.c.document_id)))


@pytest.fixture
def shop(each_database: Engine, tmp_path: Path) -> Iterator[Shop]:
    yield Shop(each_database, tmp_path / "lines")


def test_an_empty_sink_is_filled_page_by_page(shop: Shop) -> None:
    shop.documents(1001)
    found, verifier, counts = shop.check()
    assert {each.kind for each in found} == {"sink-missing"}
    assert (len(found), counts.differences, counts.items, verifier.repaired) == (1001, 1001, 0, [])
    assert (shop.deliveries(), shop.file.exists()) == ([], False)
    found, verifier, counts = shop.check(repair=True)
    assert (len(found), counts.mended, verifier.repaired[0].sent) == (1001, 1001, 1001)
    found, verifier, counts = shop.check(repair=True)
    assert (found, verifier.repaired, counts.items) == ([], [], 1001)


def test_a_value_that_changed_without_being_queued_is_stale(shop: Shop) -> None:
    keys = shop.documents(3)
    shop.check(repair=True)
    shop.change(keys[1], outcome="partial")
    assert shop.kinds() == [("sink-stale", "2.pdf")]
    assert shop.repair() == (1, 0, None)
    assert shop.kinds() == []


def test_items_of_no_document_are_taken_away(shop: Shop) -> None:
    shop.documents(2)
    shop.check(repair=True)
    with shop.file.open("ab") as stream:
        stream.write(b'{"id":"stray","digest":"1"}\n')
    assert shop.kinds() == [("sink-left-over", "stray")]
    assert shop.repair() == (0, 1, None)
    assert b"stray" not in shop.file.read_bytes()
    assert shop.kinds() == []


def test_an_item_of_a_document_that_died_is_left_over(shop: Shop) -> None:
    [key] = shop.documents(1)
    shop.check(repair=True)
    shop.change(key, outcome="dead")
    assert [kind for kind, _ in shop.kinds()] == ["sink-left-over"]
    assert shop.repair() == (0, 1, None)
    assert shop.kinds() == []


def test_a_document_that_waits_for_being_scored_again_keeps_its_item(shop: Shop) -> None:
    [key] = shop.documents(1)
    shop.check(repair=True)
    shop.change(key, stage="pending", outcome=None, content_hash=None)
    assert shop.kinds() == []
    assert shop.check(repair=True)[1].repaired == []
    assert len(list(shop.sink.keys("w9"))) == 1


def test_content_that_changed_is_one_item_missing_and_one_left_over(shop: Shop) -> None:
    [key] = shop.documents(1)
    shop.check(repair=True)
    shop.change(key, content_hash="d" * 64)
    assert sorted(kind for kind, _ in shop.kinds()) == ["sink-left-over", "sink-missing"]
    assert shop.repair() == (1, 1, None)
    assert shop.kinds() == []
    assert len(list(shop.sink.keys("w9"))) == 1


def test_what_a_difference_says_follows_the_delivery(shop: Shop) -> None:
    keys = shop.documents(3)
    with shop.engine.begin() as connection:
        deliveries.queue(connection, ROW.sinks, keys[:2], NOW)
        waiting = deliveries.pending(connection, "w9", "jsonl", after=0, limit=9)
        deliveries.refused(connection, "jsonl", [(waiting[1], "item-too-large")])
    messages = [each.message for each in shop.check()[0]]
    assert messages == [
        "not yet in jsonl: the next run sends it",
        "jsonl could not take it (item-too-large)",
        "not in jsonl: `formpipe verify --repair` sends it again",
    ]


def test_a_sink_that_cannot_be_read_is_a_difference_that_nobody_mends(shop: Shop) -> None:
    shop.documents(1)
    shop.file.parent.mkdir()
    shop.file.write_bytes(b"no item\n")
    found, _, counts = shop.check(repair=True)
    assert [each.kind for each in found] == ["sink-unreadable"]
    assert "sink-damaged" in found[0].message
    assert (counts.mended, shop.file.read_bytes()) == (0, b"no item\n")
    row = FormType("w9", "w9", "forms", "t/", "forms", "in/", sinks=("cosmos",))
    [difference] = shop.check(row)[0]
    assert (difference.kind, difference.path) == ("sink-unreadable", "cosmos")


def test_a_row_that_a_run_works_on_is_not_mended(shop: Shop) -> None:
    shop.documents(1)
    with shop.engine.begin() as connection:
        leases.take(connection, "sinks:w9", "elsewhere:1:1:a", now=NOW, seconds=60, over=None)
    found, verifier, counts = shop.check(repair=True)
    [done] = verifier.repaired
    assert (found, counts.mended, done.sent) == ([], 0, 0)
    assert "held-elsewhere" in str(done.trouble)
    assert not shop.file.exists()


def test_a_row_of_sql_alone_is_not_looked_at(shop: Shop) -> None:
    shop.documents(1)
    assert shop.check(FormType("w9", "w9", "forms", "t/", "forms", "in/"))[0] == []
