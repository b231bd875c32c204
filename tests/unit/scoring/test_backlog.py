"""A listing against what is known."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from sqlalchemy import func, insert, select

from pipeline.db import forgetting
from pipeline.db.connection import reading
from pipeline.db.forgetting import Criterion
from pipeline.db.tables import document, form_type
from pipeline.errors import AttemptError, RowError
from pipeline.ports import Storage
from pipeline.scoring.backlog import BacklogChanges, compare, is_companion, synchronise
from pipeline.scoring.gone import remove_gone_values
from pipeline.storage.folder import FolderStorage
from pipeline.types import Blob
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


# --- what is gone ---------------------------------------------------------------------------------------


def remove(bench: Bench) -> int:
    return remove_gone_values(bench.database, bench.row, guard=bench.guard, now=lambda: bench.now).documents


def test_the_values_of_a_gone_document_go_and_come_back_with_it(bench: Bench) -> None:
    bench.change(on_gone="remove")
    bench.put(a="total 1", b="total 2")
    bench.run()
    (bench.root / "forms/in/a.pdf").rename(bench.root / "a.pdf")
    assert bench.listing().gone == 1
    assert remove(bench) == 1
    assert {name for name, _, _ in bench.values()} == {"b"}
    (bench.root / "a.pdf").rename(bench.root / "forms/in/a.pdf")
    bench.run()
    assert bench.outcomes() == {"a": "loaded", "b": "loaded"}
    assert {name for name, _, _ in bench.values()} == {"a", "b"}


@pytest.mark.parametrize("elsewhere", ["empty/", "other/"])
def test_a_backlog_that_vanished_at_once_keeps_its_values_and_is_told(bench: Bench, elsewhere: str) -> None:
    """The row names a wrong folder: one without files, or one with others."""
    bench.change(on_gone="remove")
    bench.put(**{f"f{number}": "total 1" for number in range(12)})
    bench.run()
    folder = bench.root / "forms/other"
    folder.mkdir()
    (folder / "x.pdf").write_text("total 9")
    bench.change(scoring_folder=elsewhere)
    changes = bench.listing()
    assert (changes.gone, changes.vanished) == (12, True)
    assert changes.told.startswith("backlog-vanished: 12 of 12 documents")
    assert remove(bench) == 0
    assert len(bench.values()) == 12
    bench.change(scoring_folder="in/")
    assert bench.listing().changed == 12
    assert bench.listing().vanished is False


def test_a_few_documents_may_all_be_gone_and_many_by_and_by(bench: Bench) -> None:
    bench.change(on_gone="remove")
    bench.put(**{f"f{number}": "total 1" for number in range(30)})
    bench.run()
    for some in (range(12), range(12, 20), range(20, 25), range(25, 30)):
        for number in some:
            (bench.root / f"forms/in/f{number}.pdf").unlink()
        assert bench.listing().vanished is False
        assert remove(bench) == len(some)
    assert bench.values() == {}


# --- a listing of any length --------------------------------------------------------------------------


class Names:
    """A storage that only lists: `count` names, and what is to happen before some of them."""

    account = "lake"

    def __init__(self, count: int, before: dict[int, Callable[[], None]] | None = None) -> None:
        self._count = count
        self._before = before or {}
        self.given = 0

    def list(self, container: str, prefix: str = "", *, recursive: bool = True) -> Iterator[Blob]:
        for number in range(self._count):
            self._before.get(number, lambda: None)()
            self.given += 1
            yield Blob(f"{prefix}{number:08}.pdf", f"{number:x}", number)


def synchronised(bench: Bench, names: Names, **more: Any) -> BacklogChanges:
    return synchronise(
        bench.database, cast("Storage", names), bench.row, now=lambda: bench.now, guard=bench.guard, **more
    )


def test_millions_of_names_do_not_fill_the_memory(bench: Bench) -> None:
    """Reported of a pipeline that listed 6.5 million blobs until it was killed for memory. What is held after
    most of 300,000 names is no more than after the first of them; 40,000 are known."""
    synchronised(bench, Names(40_000))
    held: list[int] = []
    looks = {number: lambda: held.append(tracemalloc.get_traced_memory()[0]) for number in (90_000, 290_000)}
    tracemalloc.start()
    try:
        changes = compare(bench.database, cast("Storage", Names(300_000, looks)), bench.row)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert changes == BacklogChanges(listed=300_000, new=260_000, unchanged=40_000)
    assert held[1] < held[0] * 1.25
    assert peak < 60_000_000


def test_a_listing_that_breaks_in_the_middle_marks_nothing_as_gone(bench: Bench) -> None:
    def broken() -> None:
        raise AttemptError("the account is away", reason="blob-unreadable")

    synchronised(bench, Names(40_050))
    with pytest.raises(AttemptError):
        synchronised(bench, Names(40_050, {30_000: broken}))
    with bench.database.connect() as connection:
        ended = select(func.count()).where(document.c.stage == "done")
        assert connection.scalar(ended) == 0
    assert synchronised(bench, Names(40_000)).gone == 50


def test_a_run_that_is_told_to_stop_ends_its_listing_and_marks_nothing(bench: Bench) -> None:
    synchronised(bench, Names(40_050))
    names = Names(1_000_000)
    changes = synchronised(bench, names, stopping=lambda: True)
    assert (changes.listed, changes.gone) == (20_000, 0)
    assert names.given <= 60_000
