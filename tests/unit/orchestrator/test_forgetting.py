"""Documents are forgotten everywhere or can be forgotten again, whatever happens in between."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, event, func, select, text, update

from pipeline.db import forgetting, leases, tables, targets, views
from pipeline.db.connection import reading
from pipeline.db.forgetting import Criterion
from pipeline.delivering.items import build_items
from pipeline.errors import RowError, RunError
from pipeline.orchestrator import forgetting as module
from pipeline.orchestrator.forgetting import find, forget, row_of
from pipeline.orchestrator.leasing import LeaseTerms, this_holder
from pipeline.params.rules import Validated
from pipeline.ports import Sink, Storages
from pipeline.sinks.jsonl import JsonlSink
from pipeline.types import FieldSpec, FormType

if TYPE_CHECKING:
    from tests.unit.conftest import Ledger

NOW = datetime(2027, 3, 2, tzinfo=UTC)
ROW = FormType(
    "invoice", "invoice", "lake", "invoice/train/", "lake", "invoice/in/", output_folder="invoice/out/"
)
ALL = Criterion("invoice", "all")
VALUES = [{"field": "No", "text": "Canary", "value_text": "Canary"}]


class KilledError(BaseException):
    """The process ends here."""


@dataclass
class Watched:
    """A sink that writes down what it is asked, and fails when it is told to."""

    sink: JsonlSink
    asked: list[list[str]] = field(default_factory=list)
    error: BaseException | None = None

    def remove(self, form_type: str, ids: list[str]) -> None:
        self.asked.append(list(ids))
        if self.error is not None:
            raise self.error
        self.sink.remove(form_type, ids)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sink, name)


@dataclass
class Scene:
    """Three documents with outputs and items, and one of another form type."""

    ledger: Ledger
    watched: Watched

    @property
    def database(self) -> Engine:
        return self.ledger.database

    @property
    def storages(self) -> Storages:
        return self.ledger.storages

    @property
    def sinks(self) -> Scene:
        return self

    def of(self, name: str) -> Sink:
        assert name == "jsonl"
        return self.watched  # type: ignore[return-value]

    def forget(self, criterion: Criterion = ALL, row: FormType = ROW) -> module.Forgotten:
        terms = LeaseTerms(this_holder(), 60, lambda: NOW)
        return forget(self, row, criterion, terms)

    def outputs(self) -> list[str]:
        listed = self.ledger.storage.list("lake", "invoice/out/")
        return [blob.path.removeprefix("invoice/out/") for blob in listed]

    def items(self) -> set[str]:
        return {key for key, _ in self.watched.sink.keys("invoice")}

    def documents(self) -> list[str]:
        with reading(self.database) as connection:
            return list(connection.scalars(select(tables.document.c.path).order_by(tables.document.c.id)))


@pytest.fixture
def scene(ledger: Ledger, tmp_path: Path) -> Scene:
    made = Scene(ledger, Watched(JsonlSink(tmp_path / "lines")))
    for name in ("invoice", "other"):
        ledger.form_type(name)
    for file in ("a.pdf", "sub/b.pdf", "c.pdf"):
        key = ledger.document("invoice", file, values=VALUES)
        ledger.output("invoice", file)
        with reading(ledger.database) as connection:
            item = build_items(connection, [key])[key]
        made.watched.sink.put("invoice", [item])
        queued = {"sink": "jsonl", "state": "delivered", "queued_at": NOW}
        ledger.insert(tables.delivery, document_id=key, item_id=item.id, **queued)
    ledger.document("other", "a.pdf", values=[{"field": "No"}])
    return made


def test_outputs_items_and_rows_go_and_the_files_stay(scene: Scene) -> None:
    done = scene.forget()
    assert (done.gone.documents, done.gone.deliveries, done.error, done.wiped) == (3, 3, None, True)
    assert (scene.outputs(), scene.items(), scene.documents()) == ([], set(), ["other/in/a.pdf"])
    assert len([*scene.ledger.storage.list("lake", "invoice/in/")]) == 3
    assert scene.forget().gone.documents == 0


def test_nothing_of_a_value_stays_in_any_file(scene: Scene) -> None:
    folder = scene.ledger.root.parent
    others = [path for path in folder.rglob("*") if path.is_file() and "/in/" not in str(path)]
    assert sum(b"Canary" in path.read_bytes() for path in others) >= 2
    keeps_the_log = scene.database.connect()
    scene.forget()
    files = [path for path in folder.rglob("*") if path.is_file() and "/in/" not in str(path)]
    assert {"formpipe.db", "invoice.jsonl"} <= {path.name for path in files}
    assert not [path for path in files if b"Canary" in path.read_bytes()]
    assert not [path for path in files if b"invoice/in/" in path.read_bytes() and path.name != "formpipe.db"]
    keeps_the_log.close()


def test_a_reader_of_old_pages_is_told_of(scene: Scene) -> None:
    scene.database.dispose()
    event.listen(scene.database, "connect", lambda raw, _: raw.execute("PRAGMA busy_timeout = 0"))
    with reading(scene.database) as reader:
        reader.execute(select(tables.document)).all()
        done = scene.forget()
        assert (done.gone.documents, done.error, done.wiped) == (3, None, False)
    assert forgetting.settle(scene.database)


def test_one_document_goes_alone(scene: Scene) -> None:
    found = find(scene.database, "sub/b.pdf", None)
    scene.forget(Criterion("invoice", "one document", document_id=found.id))
    assert scene.outputs() == ["a.pdf_output.json", "c.pdf_output.json"]
    assert len(scene.items()) == 2


def test_killed_between_the_outputs_and_the_rows_nothing_is_lost_track_of(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def kill(*_: Any) -> None:
            raise KilledError

        patch.setattr(forgetting, "forget", kill)
        with pytest.raises(KilledError):
            scene.forget()
    assert (scene.outputs(), scene.items(), len(scene.documents())) == ([], set(), 4)
    done = scene.forget()
    assert (done.gone.documents, done.error, scene.documents()) == (3, None, ["other/in/a.pdf"])


def test_a_transaction_that_fails_leaves_the_documents(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(*_: Any, **__: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.db.runs.record", kill)
        with pytest.raises(KilledError):
            scene.forget()
    assert len(scene.documents()) == 4
    with reading(scene.database) as connection:
        assert forgetting.counts(connection) == {}


def test_a_sink_that_is_away_keeps_the_documents(scene: Scene) -> None:
    error = RowError("away", reason="sink-not-reachable")
    scene.watched.error = error
    done = scene.forget()
    assert (done.error, done.gone.documents, len(scene.documents())) == (error, 0, 4)
    scene.watched.error = None
    assert scene.forget().gone.documents == 3


def test_what_was_forgotten_before_an_error_stays_so(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 1)
    remove = scene.watched.sink.remove

    def fail_at_the_third(form_type: str, ids: Any) -> None:
        if len(scene.watched.asked) == 3:
            raise RowError("away", reason="sink-not-reachable")
        remove(form_type, ids)

    monkeypatch.setattr(scene.watched.sink, "remove", fail_at_the_third)
    done = scene.forget()
    assert (done.gone.documents, getattr(done.error, "reason", "")) == (2, "sink-not-reachable")
    assert scene.documents() == ["invoice/in/c.pdf", "other/in/a.pdf"]
    assert len(scene.items()) == 1
    with reading(scene.database) as connection:
        told = connection.scalars(select(tables.event.c.details)).all()
    assert [json.loads(each)["documents"] for each in told] == [1, 1]


@pytest.mark.parametrize("name", ["group:invoice", "sinks:invoice"])
def test_nothing_goes_while_a_run_lists_or_delivers(scene: Scene, name: str) -> None:
    with scene.database.begin() as connection:
        leases.take(connection, name, "elsewhere:1:1:a", now=NOW, seconds=600, over=None)
    done = scene.forget()
    assert getattr(done.error, "reason", "") == "held-elsewhere"
    assert (len(scene.outputs()), len(scene.items()), len(scene.documents())) == (3, 3, 4)


def test_nothing_goes_while_a_run_has_a_document_in_hand(scene: Scene) -> None:
    with scene.database.begin() as connection:
        connection.execute(update(tables.document).values(claimed_by=7))
    done = scene.forget()
    assert getattr(done.error, "reason", "") == "held-elsewhere"
    assert "a run works on 3 of these documents" in str(done.error)
    assert (len(scene.outputs()), len(scene.items()), len(scene.documents())) == (3, 3, 4)


def test_a_lease_that_is_lost_meanwhile_ends_it(scene: Scene) -> None:
    """Outputs are gone then, and the documents are still known."""
    lease = tables.lease

    class Thief:
        def remove(self, *_: Any) -> None:
            with scene.database.begin() as connection:
                connection.execute(update(lease).values(holder="else:1:1:a", fencing=lease.c.fencing + 1))

    scene.watched.sink = Thief()  # type: ignore[assignment]
    done = scene.forget()
    assert getattr(done.error, "reason", "") == "lease-lost"
    assert len(scene.documents()) == 4


def test_a_row_without_outputs_deletes_none(scene: Scene) -> None:
    scene.forget(row=replace(ROW, output_folder=None))
    assert len(scene.outputs()) == 3


def test_a_document_whose_output_no_file_can_be_named_by_goes(scene: Scene) -> None:
    long = "x" * 250
    scene.ledger.document("invoice", long, "dead")
    assert scene.forget().error is None
    assert scene.documents() == ["other/in/a.pdf"]


def test_an_output_that_a_killed_run_left_of_a_pending_document_goes(scene: Scene) -> None:
    scene.ledger.document("invoice", "d.pdf", None)
    scene.ledger.output("invoice", "d.pdf")
    scene.forget()
    assert scene.outputs() == []


def test_outputs_that_cannot_be_deleted_keep_the_documents(scene: Scene) -> None:
    folder = scene.ledger.root / "lake" / "invoice" / "out"
    output = folder / "a.pdf_output.json"
    output.unlink()
    error = RowError("this sign-in may not delete", reason="storage-not-writable")

    class Locked:
        def delete(self, container: str, path: str) -> None:
            raise error

    class LockedScene(Scene):
        @property
        def storages(self) -> Any:
            return self

        def of(self, name: object) -> Any:
            return Locked()

    locked = LockedScene(scene.ledger, scene.watched)
    assert locked.forget().error is error
    assert len(scene.documents()) == 4


def test_rows_of_the_target_table_go_too(scene: Scene) -> None:

    row = replace(ROW, target_table="invoices", fields=(FieldSpec("No"),))
    with scene.database.begin() as connection:
        shown = views.refresh(connection, row.form_type, row.fields)
        targets.prepare(connection, row, shown)
        held = select(func.count()).select_from(text("invoices"))
        assert connection.scalar(held) == 3
    found = find(scene.database, "invoice/in/c.pdf", None)
    scene.forget(Criterion("invoice", "one document", document_id=found.id), row)
    with reading(scene.database) as connection:
        assert connection.scalar(held) == 2
    scene.forget(row=row)
    with reading(scene.database) as connection:
        assert connection.scalar(held) == 0


def test_who_is_meant_must_be_clear(scene: Scene) -> None:
    with pytest.raises(RunError) as unclear:
        find(scene.database, "in/a.pdf", None)
    assert unclear.value.reason == "document-unclear"
    assert "1 (invoice) invoice/in/a.pdf; 4 (other) other/in/a.pdf" in str(unclear.value)
    assert find(scene.database, "in/a.pdf", "other").id == 4
    with pytest.raises(RunError) as unknown:
        find(scene.database, "in/z.pdf", None)
    assert unknown.value.reason == "document-unknown"
    assert "z.pdf" not in str(unknown.value)


def test_a_faulty_row_is_mended_first() -> None:
    with pytest.raises(RunError) as caught:
        row_of(Validated((), ()), "invoice")
    assert caught.value.reason == "row-faulty"
