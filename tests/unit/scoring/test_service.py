"""Documents scored on a service: staged first, paid once, resumed by the next run."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select, update

from pipeline.db import tables
from pipeline.errors import AttemptError, DocumentError, RowError
from pipeline.executors.threads import ThreadExecutor
from pipeline.operations.driver import OperationDriver
from pipeline.remote import Analysis, AnalyzedDocument, Operation, OperationState, StagedDocument
from pipeline.scoring.reuse import Reuse
from pipeline.scoring.service import ServiceScoring
from pipeline.scoring.stage import Tally
from pipeline.scoring.staging import stage
from pipeline.storage.folder import FolderStorage
from pipeline.types import ExtractedField, Layout, Line, Page, Word
from tests.unit.scoring.conftest import BOX, Bench
from tests.unit.scoring.remote_bench import RemoteBench


def picture(shade: int = 0, pages: int = 1) -> bytes:
    """A TIFF of white pages with one grey pixel."""
    frames = [Image.new("L", (60, 60), 255) for _ in range(pages)]
    frames[0].putpixel((0, 0), shade)
    stream = io.BytesIO()
    frames[0].save(stream, "TIFF", save_all=True, append_images=frames[1:])
    return stream.getvalue()


@dataclass
class CannedService:
    """Accepts documents and finds `total` in each; `faults` by name end the submission, `polls` the poll."""

    accepted: list[str] = field(default_factory=list)
    faults: dict[str, Exception] = field(default_factory=dict)
    polls: dict[str, Exception] = field(default_factory=dict)
    pages: int = 1
    max_pages: list[int | None] = field(default_factory=list)

    def submit_document(
        self, model_id: str, document: StagedDocument, *, max_pages: int | None = None
    ) -> str:
        name = Path(document.name).stem
        assert document.file.read_bytes()
        if name in self.faults:
            raise self.faults[name]
        self.accepted.append(name)
        self.max_pages.append(max_pages)
        return f"https://service/{model_id}/{name}"

    def poll(self, operation: Operation) -> OperationState:
        name = operation.url.rsplit("/", 1)[-1]
        if name in self.polls:
            raise self.polls[name]
        words = (Word("total", BOX), Word("12.50", BOX, 0.8))
        page = Page(1, 1, 1, "inch", (Line("total 12.50", BOX, words),))
        layout = Layout(tuple(replace(page, number=n + 1) for n in range(self.pages)), self.pages)
        value = ExtractedField("total", "12.50", 1, BOX, 0.9)
        return OperationState("succeeded", Analysis(layout, (AnalyzedDocument("m", 1, 1, (value,)),)))


@dataclass
class ServiceBench(RemoteBench):
    chooses_pages: bool = False
    reuses: bool = True

    def put(self, *names: str, pages: int = 1) -> None:
        for name in names:
            self.file(name).write_bytes(picture(len(name), pages))

    def run(self) -> Tally:
        bench = self.bench

        def scoring(driver: OperationDriver[Any], readers: ThreadExecutor, storage: FolderStorage) -> Any:
            reuse = Reuse(bench.database, storage, bench.row, bench.version.id) if self.reuses else None
            return ServiceScoring(
                driver,
                readers,
                storage,
                bench.version,
                self.folder,
                600.0,
                self.spending,
                self.chooses_pages,
                reuse,
            )

        return self.scored(bench.version, stage, scoring)

    def operations(self) -> list[str]:
        with self.bench.database.connect() as connection:
            return list(connection.scalars(select(tables.operation.c.state).order_by(tables.operation.c.id)))


@pytest.fixture
def cloud(bench: Bench, tmp_path: Path) -> Iterator[ServiceBench]:
    folder = tmp_path / "staged"
    folder.mkdir()
    yield ServiceBench(bench, CannedService(), folder)


def test_documents_are_paid_once_and_their_values_are_rows(cloud: ServiceBench) -> None:
    cloud.put("a", "b", "c")
    tally = cloud.run()
    assert (tally.loaded, tally.values) == (3, 3)
    assert sorted(cloud.service.accepted) == ["a", "b", "c"]
    assert cloud.bench.values()["a", "total", "model"] == "12.50"
    assert cloud.operations() == ["finished"] * 3
    assert list(cloud.folder.iterdir()) == []
    assert cloud.run().finished == 0
    assert len(cloud.service.accepted) == 3


def test_what_no_one_could_read_is_not_sent(cloud: ServiceBench) -> None:
    cloud.bench.put(bad="this is no picture")
    cloud.run()
    assert cloud.bench.documents()["bad"].reason == "unsupported-content"
    assert (cloud.service.accepted, cloud.operations()) == ([], [])


def test_pages_the_service_left_out_are_told(cloud: ServiceBench) -> None:
    """The free tier reads two pages and says `succeeded`."""
    cloud.put("long", pages=3)
    cloud.run()
    row = cloud.bench.documents()["long"]
    assert (row.outcome, row.reason) == ("partial", "truncated")
    assert "1 of 3 pages" in row.message


def test_a_refused_document_costs_only_itself(cloud: ServiceBench) -> None:
    cloud.put("a", "b")
    cloud.service.faults["a"] = DocumentError("400 InvalidImage", reason="refused-by-service")
    cloud.run()
    assert cloud.bench.outcomes() == {"a": "dead", "b": "loaded"}


@pytest.mark.parametrize("reason", ["not-reachable", "throttled"])
def test_a_service_that_is_away_ends_the_row_and_costs_no_attempt(cloud: ServiceBench, reason: str) -> None:
    cloud.put("a")
    cloud.service.faults["a"] = AttemptError("away", reason=reason)
    with pytest.raises(RowError) as caught:
        cloud.run()
    assert caught.value.reason == reason
    assert (cloud.bench.documents()["a"].attempts, cloud.bench.documents()["a"].stage) == (0, "pending")


def test_a_result_that_cannot_be_fetched_now_is_fetched_by_the_next_run(cloud: ServiceBench) -> None:
    cloud.put("a", "b")
    cloud.service.polls["a"] = AttemptError("away", reason="not-reachable")
    assert cloud.run().loaded == 1
    assert cloud.bench.documents()["a"].stage == "submitted"
    cloud.service.polls.clear()
    assert cloud.run().loaded == 1
    assert sorted(cloud.service.accepted) == ["a", "b"]


def test_a_result_the_service_forgot_is_asked_for_again(cloud: ServiceBench) -> None:
    cloud.put("a")
    cloud.service.polls["a"] = AttemptError("404", reason="operation-expired")
    service = cloud.service
    real = service.poll

    def once(operation: Operation) -> OperationState:
        try:
            return real(operation)
        finally:
            service.polls.clear()

    service.poll = once  # type: ignore[method-assign]
    assert cloud.run().loaded == 1
    assert service.accepted == ["a", "a"]
    assert cloud.operations() == ["failed", "finished"]


def test_a_document_that_changed_while_it_was_away_is_submitted_again(cloud: ServiceBench) -> None:
    cloud.put("a")
    cloud.service.polls["a"] = AttemptError("away", reason="not-reachable")
    cloud.run()
    cloud.service.polls.clear()
    file = cloud.bench.root / "forms" / "in" / "a.pdf"
    file.write_bytes(picture(200, 1) + b"longer")
    assert cloud.run().loaded == 1
    assert cloud.service.accepted == ["a", "a"]


def test_a_result_of_an_older_version_is_filed_under_that_version(cloud: ServiceBench) -> None:
    cloud.put("a")
    cloud.service.polls["a"] = AttemptError("away", reason="not-reachable")
    cloud.run()
    cloud.service.polls.clear()
    with cloud.bench.database.begin() as connection:
        connection.execute(update(tables.model_version).values(state="retired"))
        connection.execute(
            tables.model_version.insert().values(
                id=2, form_batch_group_id="bills", version=2, engine="local", model_kind="form",
                service_model_id="m2", fingerprint="g", state="active", created_at=cloud.bench.now,
            )
        )  # fmt: skip
    cloud.bench.version = replace(cloud.bench.version, id=2, version=2, service_model_id="m2")
    cloud.run()
    assert cloud.bench.documents()["a"].model_version_id == 1


def test_the_rows_page_limit_reaches_the_service(cloud: ServiceBench) -> None:
    cloud.bench.change(max_pages=7)
    cloud.put("a")
    cloud.run()
    assert cloud.service.max_pages == [7]


def test_two_documents_in_one_file_keep_both_their_values(cloud: ServiceBench) -> None:
    value = ExtractedField("total", "1", 1, BOX, 0.9)
    documents = (AnalyzedDocument("m", 1, 1, (value,)), AnalyzedDocument("m", 2, 2, (value,)))
    layout = Layout((Page(1, 1, 1, "inch"),), 1)
    cloud.service.poll = lambda operation: OperationState(  # type: ignore[method-assign]
        "succeeded", Analysis(layout, documents)
    )
    cloud.put("a")
    assert cloud.run().values == 2


def test_what_is_on_its_way_when_the_row_ends_keeps_its_url(cloud: ServiceBench) -> None:
    """It was taken, and is paid: the next run asks for its result."""
    cloud.put("a", "slow")
    ended, accept = threading.Event(), cloud.service.submit_document

    def submit(model_id: str, document: StagedDocument, *, max_pages: int | None = None) -> str:
        if Path(document.name).stem == "slow":
            ended.set()
            time.sleep(0.3)
        else:
            ended.wait(10)
            raise RowError("elsewhere", reason="foreign-operation")
        return accept(model_id, document, max_pages=max_pages)

    cloud.service.submit_document = submit  # type: ignore[method-assign]
    with pytest.raises(RowError) as caught:
        cloud.run()
    assert cloud.bench.documents()["slow"].stage == "submitted", caught
    cloud.service.submit_document = accept  # type: ignore[method-assign]
    assert cloud.run().loaded == 2
    assert sorted(cloud.service.accepted) == ["a", "slow"]
