from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, delete, select, update

from pipeline.db import forgetting
from pipeline.db.forgetting import Criterion
from pipeline.db.tables import document, field_value, part
from pipeline.reports import verification
from pipeline.reports.verification import Counts, Difference, verify
from pipeline.types import FieldSpec, FormType

if TYPE_CHECKING:
    from tests.unit.conftest import Ledger

ROW = FormType(
    "invoice",
    group="invoice",
    training_container="lake",
    training_folder="invoice/train/",
    scoring_container="lake",
    scoring_folder="invoice/in/",
)
VALUES = [{"field": "No"}]
START = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def database(each_database: Engine) -> Engine:
    """Of every dialect that can be had."""
    return each_database


def check(ledger: Ledger, counts: Counts | None = None, **changes: Any) -> list[Difference]:
    row = FormType(**{name: getattr(ROW, name) for name in ROW.__slots__} | changes)
    counts = counts or Counts()
    skip = lambda path: path.endswith(".ocr.json")  # noqa: E731
    return list(verify(ledger.database, ledger.storages, [row], counts, ignored=skip))


def kinds(ledger: Ledger, **changes: Any) -> list[tuple[str, str]]:
    return [(found.kind, found.path.rsplit("/", 1)[-1]) for found in check(ledger, **changes)]


def change(ledger: Ledger, key: int, **columns: Any) -> None:
    with ledger.database.begin() as connection:
        connection.execute(update(document).where(document.c.id == key).values(**columns))


def remove(ledger: Ledger, file: str) -> None:
    (ledger.root / "lake" / "invoice" / "in" / file).unlink()


@pytest.fixture
def invoices(ledger: Ledger) -> Ledger:
    """Two loaded, one partial, one dead, one pending, one gone: all as they should be."""
    ledger.form_type("invoice")
    ledger.version("invoice", 1)
    ledger.document("invoice", "sub/a.pdf", values=VALUES, pages=2, model_version_id=1)
    ledger.document("invoice", "b.pdf", values=VALUES, model_version_id=1)
    ledger.document("invoice", "c.pdf", "partial", model_version_id=1)
    ledger.document("invoice", "d.pdf", "dead", reason="pdf-broken", model_version_id=1)
    ledger.document("invoice", "e.pdf", None)
    ledger.document("invoice", "f.pdf", "gone", reason="blob-gone")
    remove(ledger, "f.pdf")
    ledger.file("invoice/in/b.pdf.ocr.json")
    return ledger


def test_a_backlog_and_a_database_that_agree_have_no_difference(invoices: Ledger) -> None:
    counts = Counts()
    assert check(invoices, counts) == []
    assert counts == Counts(files=5, documents=6, pending=1)


def test_a_file_without_a_document_is_found(invoices: Ledger) -> None:
    invoices.file("invoice/in/new.pdf")
    assert kinds(invoices) == [("document-missing", "new.pdf")]


def test_a_document_without_a_file_is_found_whatever_its_stage(invoices: Ledger) -> None:
    for file in ("b.pdf", "e.pdf"):
        remove(invoices, file)
    assert sorted(kinds(invoices)) == [("file-missing", "b.pdf"), ("file-missing", "e.pdf")]


def test_documents_from_outside_the_backlog_need_no_file_in_it(invoices: Ledger) -> None:
    """A router hands over documents of its own folder; a row can be pointed at another folder."""
    assert check(invoices, scoring_folder="invoice/elsewhere/") == []


def test_a_changed_file_is_found(invoices: Ledger) -> None:
    invoices.file("invoice/in/b.pdf", b"another content")
    assert kinds(invoices) == [("change-not-scored", "b.pdf")]


def test_a_gone_document_whose_file_is_back_is_found(invoices: Ledger) -> None:
    invoices.file("invoice/in/f.pdf")
    assert kinds(invoices) == [("file-is-back", "f.pdf")]


def test_a_missing_backlog_is_one_difference_not_one_per_document(invoices: Ledger) -> None:
    (found,) = check(invoices, scoring_container="lost")
    assert found.kind == "backlog-unreadable"
    assert "container-missing" in found.message


@pytest.mark.parametrize("file", ["b.pdf", "c.pdf"])
def test_a_finished_document_without_a_part_is_found(invoices: Ledger, file: str) -> None:
    with invoices.database.begin() as connection:
        key = connection.scalar(document.select().where(document.c.path == f"invoice/in/{file}"))
        connection.execute(delete(part).where(part.c.document_id == key))
    assert ("part-missing", file) in kinds(invoices)


@pytest.mark.parametrize("pages", [None, 0, 3])
def test_pages_that_differ_from_those_of_the_parts_are_found(invoices: Ledger, pages: int | None) -> None:
    change(invoices, 2, pages=pages)
    assert kinds(invoices) == [("pages-differ", "b.pdf")]


def test_pages_are_summed_over_parts(invoices: Ledger) -> None:
    change(invoices, 2, pages=4)
    invoices.part(2, number=2, first_page=2, last_page=4)
    assert check(invoices) == []


def test_a_loaded_document_without_values_is_found(invoices: Ledger) -> None:
    with invoices.database.begin() as connection:
        connection.execute(delete(field_value))
    assert sorted(kinds(invoices)) == [("values-missing", "a.pdf"), ("values-missing", "b.pdf")]


def test_values_of_a_document_that_was_never_scored_are_found(invoices: Ledger) -> None:
    invoices.part(5, VALUES)
    invoices.part(4, VALUES)
    assert sorted(kinds(invoices)) == [("values-too-many", "d.pdf"), ("values-too-many", "e.pdf")]


def test_a_document_that_waits_to_be_scored_again_keeps_its_values_till_then(invoices: Ledger) -> None:
    change(invoices, 2, stage="pending", outcome=None)
    assert check(invoices) == []


@pytest.mark.parametrize(
    ("value", "missing"),
    [
        (None, True),
        ({"text": ""}, True),
        ({"text": None}, True),
        ({"text": "7"}, False),
        ({"text": "7", "occurrence": 1}, False),
        ({"text": "7", "source": "person"}, False),
    ],
)
def test_a_loaded_document_needs_its_required_fields(
    invoices: Ledger, value: dict[str, Any] | None, missing: bool
) -> None:
    if value is not None:
        invoices.value(2, "Total", **value)
    invoices.value(1, "Total")
    found = kinds(invoices, fields=(FieldSpec("Total", required=True), FieldSpec("Other")))
    assert found == ([("required-field-missing", "b.pdf")] if missing else [])


def test_a_person_can_take_a_required_value_away(invoices: Ledger) -> None:
    invoices.value(2, "No", text="", source="person")
    found = kinds(invoices, fields=(FieldSpec("No", required=True),))
    assert found == [("required-field-missing", "b.pdf")]


def test_the_fields_of_the_version_that_scored_are_required_unless_the_row_says_no(invoices: Ledger) -> None:
    fields = '[{"name": "Total", "type": "number", "required": true}]'
    version = invoices.version("invoice", 2, "retired", fields=fields)
    change(invoices, 2, model_version_id=version)
    assert kinds(invoices) == [("required-field-missing", "b.pdf")]
    assert kinds(invoices, fields=(FieldSpec("Total", "number", required=False),)) == []


def test_every_loaded_and_partial_document_has_an_output_file(invoices: Ledger) -> None:
    invoices.output("invoice", "sub/a.pdf")
    invoices.output("invoice", "b.pdf", b'{"status": "succ')
    counts = Counts()
    found = check(invoices, counts, output_folder="invoice/out/")
    assert [(each.kind, each.path) for each in found] == [
        ("output-invalid", "invoice/out/b.pdf_output.json"),
        ("output-missing", "invoice/out/c.pdf_output.json"),
    ]
    assert (counts.outputs, counts.differences) == (3, 2)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b"nul"])
def test_an_output_file_that_is_no_object_is_invalid(invoices: Ledger, content: bytes) -> None:
    for file in ("sub/a.pdf", "c.pdf"):
        invoices.output("invoice", file)
    invoices.output("invoice", "b.pdf", content)
    assert kinds(invoices, output_folder="invoice/out/") == [("output-invalid", "b.pdf_output.json")]


def test_pages_of_the_database_and_the_listing_leave_nothing_out(
    invoices: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "PAGE", 2)
    invoices.file("invoice/in/new.pdf")
    remove(invoices, "sub/a.pdf")
    counts = Counts()
    found = sorted((each.kind, each.path) for each in check(invoices, counts))
    assert found == [
        ("document-missing", "invoice/in/new.pdf"),
        ("file-missing", "invoice/in/sub/a.pdf"),
    ]
    assert counts == Counts(files=5, documents=6, pending=1, differences=2)


def test_no_difference_holds_the_text_of_a_field(invoices: Ledger) -> None:
    invoices.part(4, VALUES)
    change(invoices, 2, pages=9)
    for each in check(invoices, output_folder="invoice/out/"):
        assert "secret value" not in str(each)


def test_a_forgotten_document_is_not_missing_until_its_file_changes(invoices: Ledger) -> None:
    criterion = Criterion("invoice", "all")
    with invoices.database.begin() as connection:
        doomed = [each.id for each in forgetting.next_doomed(connection, criterion, 2)]
        forgetting.forget(connection, criterion, doomed, None, START)
    counts = Counts()
    assert check(invoices, counts) == []
    assert counts == Counts(files=5, documents=4, pending=1, forgotten=2)
    invoices.file("invoice/in/b.pdf", b"another one")
    assert kinds(invoices) == [("document-missing", "b.pdf")]


def test_what_an_ended_run_still_holds_is_a_difference(invoices: Ledger) -> None:
    over, working = invoices.run(state="lost"), invoices.run(state="running")
    with invoices.database.begin() as connection:
        keys = connection.scalars(select(document.c.id).where(document.c.stage == "done")).all()
    change(invoices, keys[0], claimed_by=over)
    change(invoices, keys[1], claimed_by=working)
    assert [kind for kind, _ in kinds(invoices)] == ["held-by-none"]
