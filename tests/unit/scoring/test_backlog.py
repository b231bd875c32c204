"""A listing against what is known."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import insert

from pipeline.db import forgetting
from pipeline.db.connection import reading
from pipeline.db.forgetting import Criterion
from pipeline.db.tables import form_type
from pipeline.errors import RowError
from pipeline.scoring.backlog import BacklogChanges, compare, is_companion
from pipeline.storage.folder import FolderStorage
from tests.unit.scoring.conftest import Bench


def test_what_is_new_changed_gone_and_unchanged_is_told_apart(bench: Bench) -> None:
    bench.put(a="total 1", b="total 2", c="total 3")
    assert bench.listing() == BacklogChanges(listed=3, new=3)
    bench.put(b="total 22", d="total 4")
    (bench.root / "forms/in/c.pdf").unlink()
    expected = BacklogChanges(listed=3, new=1, changed=1, unchanged=1, gone=1)
    assert compare(bench.database, FolderStorage(bench.root), bench.row) == expected
    assert bench.listing() == expected
    assert bench.listing() == BacklogChanges(listed=3, unchanged=3)


def test_comparing_writes_nothing(bench: Bench) -> None:
    bench.put(a="total 1")
    compare(bench.database, FolderStorage(bench.root), bench.row)
    assert bench.documents() == {}


def test_a_document_that_comes_back_is_pending_again(bench: Bench) -> None:
    bench.put(a="total 1")
    bench.run()
    (bench.root / "forms/in/a.pdf").rename(bench.root / "a.pdf")
    bench.listing()
    assert bench.outcomes() == {"a": "gone"}
    (bench.root / "a.pdf").rename(bench.root / "forms/in/a.pdf")
    bench.listing()
    assert bench.outcomes() == {"a": None}


def test_labels_and_layouts_beside_documents_are_no_documents(bench: Bench) -> None:
    bench.put(a="total 1")
    for name in ("a.pdf.labels.json", "a.pdf.ocr.json", "fields.json"):
        (bench.root / "forms/in" / name).write_text("{}")
    assert bench.listing() == BacklogChanges(listed=1, new=1, ignored=3)
    assert not is_companion("notes.json")


def test_more_documents_than_one_batch(bench: Bench) -> None:
    folder = bench.root / "forms/in"
    for number in range(2100):
        (folder / f"{number}.pdf").touch()
    assert bench.listing().new == 2100
    os.utime(folder / "7.pdf", (1, 1))
    assert bench.listing() == BacklogChanges(listed=2100, changed=1, unchanged=2099)


def test_nothing_is_marked_gone_when_the_listing_fails(bench: Bench) -> None:
    bench.put(a="total 1")
    bench.run()
    (bench.root / "forms").rename(bench.root / "elsewhere")
    with pytest.raises(RowError):
        bench.listing()
    assert bench.outcomes() == {"a": "loaded"}


def test_a_run_that_lost_its_lease_writes_nothing(bench: Bench) -> None:
    def lost(_connection: object) -> None:
        raise RowError("taken over", reason="lease-lost")

    bench.put(a="total 1")
    bench.guard = lost
    with pytest.raises(RowError):
        bench.listing()
    assert bench.documents() == {}


def forget(bench: Bench) -> None:
    criterion = Criterion("bills", "all")
    with bench.database.begin() as connection:
        doomed = [each.id for each in forgetting.next_doomed(connection, criterion, 10)]
        forgetting.forget(connection, criterion, doomed, None, bench.now)


def test_what_was_forgotten_is_no_document_until_its_file_changes(bench: Bench) -> None:
    bench.put(a="total 1", b="total 2")
    bench.run()
    forget(bench)
    bench.put(c="total 3")
    assert bench.listing() == BacklogChanges(listed=3, new=1, forgotten=2)
    assert bench.listing() == BacklogChanges(listed=3, unchanged=1, forgotten=2)
    bench.put(b="total 22")
    expected = BacklogChanges(listed=3, new=1, unchanged=1, forgotten=1)
    assert compare(bench.database, FolderStorage(bench.root), bench.row) == expected
    assert bench.listing() == expected
    with reading(bench.database) as connection:
        assert forgetting.counts(connection) == {"bills": 1}
    bench.score()
    assert bench.outcomes() == {"b": "loaded", "c": "loaded"}


def test_a_forgotten_file_that_goes_and_comes_back_as_it_was_stays_forgotten(bench: Bench) -> None:
    bench.put(a="total 1")
    bench.run()
    forget(bench)
    (bench.root / "forms/in/a.pdf").rename(bench.root / "a.pdf")
    assert bench.listing() == BacklogChanges()
    (bench.root / "a.pdf").rename(bench.root / "forms/in/a.pdf")
    assert bench.listing() == BacklogChanges(listed=1, forgotten=1)


def test_what_one_form_type_forgot_another_still_reads(bench: Bench) -> None:
    bench.put(a="total 1")
    bench.run()
    forget(bench)
    with bench.database.begin() as connection:
        values = {"training_container_name": "forms", "scoring_container_name": "forms"}
        connection.execute(insert(form_type).values(form_type="other", **values))
    bench.change(form_type="other")
    assert bench.listing() == BacklogChanges(listed=1, new=1)
