"""A router's documents in a real database: handed on with their results, and scored where they went."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select

from pipeline.db import tables
from pipeline.db.text_labels import TextLabel
from pipeline.scoring.routing import Router, labels_by_place
from pipeline.types import BlobRef
from tests.unit.scoring.conftest import Bench

TARGETS = frozenset({"receipts", "orders"})


@pytest.fixture
def mixed(bench: Bench) -> Bench:
    """The row of the bench is a router of receipts and orders, whose own place is another container."""
    with bench.database.begin() as connection:
        for name in sorted(TARGETS):
            place = {"training_container_name": "other", "scoring_container_name": "other"}
            connection.execute(insert(tables.form_type).values(form_type=name, **place))
    (bench.root / "other").mkdir()
    bench.router = Router(TARGETS, 0.8)
    return bench


def standing(bench: Bench) -> list[tuple[Any, ...]]:
    columns = ("form_type", "path", "stage", "outcome", "reason")
    document = tables.document
    query = select(*(document.c[name] for name in columns)).order_by(document.c.form_type, document.c.path)
    with bench.database.connect() as connection:
        return [(row[0], row[1][3:-4], *row[2:]) for row in connection.execute(query)]


def test_what_is_sure_is_handed_on_and_the_rest_waits(mixed: Bench) -> None:
    mixed.put(a="class receipts", b="class letters", c="class orders", d="damaged")
    tally = mixed.run()
    assert (tally.loaded, tally.unrouted, tally.routed, tally.dead) == (2, 1, 2, 1)
    assert standing(mixed) == [
        ("bills", "a", "done", "loaded", None),
        ("bills", "b", "done", "unrouted", "no-such-form-type"),
        ("bills", "c", "done", "loaded", None),
        ("bills", "d", "done", "dead", "damaged-pdf"),
        ("orders", "c", "pending", None, None),
        ("receipts", "a", "pending", None, None),
    ]


def test_a_second_run_hands_nothing_on(mixed: Bench) -> None:
    mixed.put(a="class receipts")
    mixed.run()
    before = standing(mixed)
    assert mixed.run().routed == 0
    assert standing(mixed) == before


def test_a_file_that_is_another_now_goes_where_it_belongs(mixed: Bench) -> None:
    mixed.put(a="class receipts", b="class receipts")
    mixed.run()
    mixed.put(a="class orders ", b="class letters ")
    mixed.run()
    assert [row for row in standing(mixed) if row[0] != "bills"] == [
        ("orders", "a", "pending", None, None),
        ("receipts", "a", "done", "gone", "routed-elsewhere"),
        ("receipts", "b", "done", "gone", "routed-elsewhere"),
    ]


def test_what_left_the_folder_leaves_its_form_type(mixed: Bench) -> None:
    mixed.put(a="class receipts", b="class receipts")
    mixed.run()
    (mixed.root / "forms" / "in" / "a.pdf").unlink()
    mixed.run()
    assert [row[1:] for row in standing(mixed) if row[0] == "receipts"] == [
        ("a", "done", "gone", "blob-gone"),
        ("b", "pending", None, None),
    ]


def test_a_person_is_believed_before_the_model(mixed: Bench) -> None:
    mixed.put(a="class receipts")
    mixed.listing()
    (row,) = mixed.documents().values()
    said = TextLabel(BlobRef(row.account, row.container, row.path, row.etag), "orders")
    mixed.router = Router(TARGETS, 0.8, labels=labels_by_place([said]))
    mixed.score()
    assert [row[:2] for row in standing(mixed)] == [("bills", "a"), ("orders", "a")]


def test_it_is_read_where_the_router_has_it_and_its_output_goes_home(mixed: Bench) -> None:
    mixed.put(a="class receipts total 12")
    mixed.run()
    mixed.router = None
    mixed.change(
        form_type="receipts", scoring_container="other", scoring_folder="in/", output_folder="receipts/out/"
    )
    tally = mixed.run()
    assert (tally.loaded, tally.gone) == (1, 0)
    assert (mixed.root / "other" / "receipts" / "out" / "a.pdf_output.json").is_file()
    assert [row[2:4] for row in standing(mixed) if row[0] == "receipts"] == [("done", "loaded")]
