"""Texts scored on a service: many in a request, each ending as itself, none paid twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from pipeline.db import operations, tables
from pipeline.errors import AttemptError, DocumentError, RowError
from pipeline.executors.threads import ThreadExecutor
from pipeline.operations.driver import OperationDriver
from pipeline.prices import Price
from pipeline.remote import Operation, OperationState, ServiceFault, TextItem
from pipeline.scoring.reuse import Reuse
from pipeline.scoring.spending import Spending
from pipeline.scoring.stage import Tally
from pipeline.scoring.text_staging import stage_text
from pipeline.scoring.texts import TextScoring
from pipeline.storage.folder import FolderStorage
from pipeline.texts import FoundEntity, ProjectKind, TextAnswer, TextDocument
from tests.unit.scoring.conftest import Bench
from tests.unit.scoring.remote_bench import RemoteBench

TOWN = "Oslo"


@dataclass
class CannedTexts:
    """Finds the town in each text. `bad`: a word for which a whole request is refused; `faults` by word are
    those of single texts; `lost`: polls that fail; `failing`: a word for which a whole job fails."""

    requests: list[list[str]] = field(default_factory=list)
    kept: dict[str, Sequence[TextDocument]] = field(default_factory=dict)
    bad: str | None = None
    failing: str | None = None
    faults: dict[str, ServiceFault] = field(default_factory=dict)
    polls: list[Exception] = field(default_factory=list)

    def submit_texts(
        self, project: str, deployment: str, kind: ProjectKind, documents: Sequence[TextDocument]
    ) -> str:
        assert (project, deployment, kind) == ("p", "d", "entities")
        if self.bad and any(self.bad in document.text for document in documents):
            raise DocumentError("InvalidDocument", reason="refused-by-service")
        self.requests.append([document.text for document in documents])
        url = f"https://service/analyze-text/jobs/{len(self.requests)}"
        self.kept[url] = tuple(documents)
        return url

    def poll(self, operation: Operation) -> OperationState:
        if self.polls:
            raise self.polls.pop()
        documents = self.kept[operation.url]
        if self.failing and any(self.failing in document.text for document in documents):
            return OperationState("failed", faults=(ServiceFault("InternalServerError", "no"),))
        return OperationState("succeeded", texts=tuple(self._item(document) for document in documents))

    def _item(self, document: TextDocument) -> TextItem:
        for word, fault in self.faults.items():
            if word in document.text:
                return TextItem(document.id, fault=fault)
        at = document.text.find(TOWN)
        found = (FoundEntity("Town", TOWN, at, len(TOWN), 0.9),) if at >= 0 else ()
        return TextItem(document.id, TextAnswer(found))

    @property
    def sent(self) -> list[str]:
        return [text for request in self.requests for text in request]


@dataclass
class TextBench(RemoteBench):
    def put(self, **texts: str) -> None:
        for name, text in texts.items():
            self.file(name).write_text(text, encoding="utf-8")

    def run(self) -> Tally:
        bench = self.bench
        version = replace(bench.version, service_model_id="p:d", model_kind="entities", engine="language")

        def scoring(driver: OperationDriver[Any], readers: ThreadExecutor, storage: FolderStorage) -> Any:
            reuse = Reuse(bench.database, storage, bench.row, version.id)
            return TextScoring(
                driver, readers, storage, version, self.folder, 600.0, self.spending, reuse, 30.0
            )

        return self.scored(version, lambda task, storage: stage_text(task, storage, bench.engine), scoring)

    def operations(self) -> list[tuple[str, str]]:
        columns = tables.operation.c
        with self.bench.database.connect() as connection:
            rows = connection.execute(select(columns.kind, columns.state).order_by(columns.id))
            return [(row.kind, row.state) for row in rows]

    def free(self) -> None:
        """As if the run that held documents had died: what it claimed is free."""
        with self.bench.database.begin() as connection:
            connection.execute(update(tables.document).values(claimed_by=None))


@pytest.fixture
def cloud(bench: Bench, tmp_path: Path) -> Iterator[TextBench]:
    folder = tmp_path / "staged"
    folder.mkdir()
    bench.change(fields=(), model_kind="entities")
    yield TextBench(bench, CannedTexts(), folder)


def texts(count: int) -> dict[str, str]:
    return {f"t{n:02}": f"letter {n} from {TOWN}" for n in range(count)}


def test_many_texts_go_in_one_request_and_each_has_its_own_rows(cloud: TextBench) -> None:
    cloud.put(**texts(30))
    tally = cloud.run()
    assert (tally.loaded, tally.values, tally.dead) == (30, 30, 0)
    assert sorted(map(len, cloud.service.requests)) == [5, 25]
    assert cloud.operations() == [("analyze", "finished")] * 2
    assert cloud.bench.values()["t07", "Town", "model"] == TOWN
    assert list(cloud.folder.iterdir()) == []
    assert cloud.run().finished == 0
    assert len(cloud.service.requests) == 2


def test_a_blank_text_is_asked_of_nobody(cloud: TextBench) -> None:
    cloud.put(blank=" \n", other=f"from {TOWN}")
    cloud.run()
    row = cloud.bench.documents()["blank"]
    assert (row.outcome, row.reason) == ("partial", "empty-text")
    assert cloud.service.sent == [f"from {TOWN}"]


def test_what_is_no_text_ends_alone(cloud: TextBench) -> None:
    cloud.put(one=f"from {TOWN}")
    (cloud.bench.root / "forms" / "in" / "bad.pdf").write_bytes("ü".encode("utf-16"))
    cloud.run()
    assert cloud.bench.outcomes() == {"bad": "dead", "one": "loaded"}


def test_an_error_of_one_text_inside_a_job_ends_that_document_alone(cloud: TextBench) -> None:
    cloud.put(**texts(4), odd="something odd")
    cloud.service.faults["odd"] = ServiceFault("InvalidDocument", "not this")
    tally = cloud.run()
    assert (tally.loaded, tally.dead) == (4, 1)
    row = cloud.bench.documents()["odd"]
    assert (row.outcome, row.reason) == ("dead", "failed-at-service")
    assert len(cloud.service.requests) == 1


def test_a_text_that_was_not_answered_this_time_is_sent_again(cloud: TextBench) -> None:
    cloud.put(**texts(2), odd=f"odd {TOWN}")
    cloud.service.faults["odd"] = ServiceFault("InternalServerError", "later")
    assert cloud.run().postponed == 1
    cloud.service.faults.clear()
    cloud.bench.wait(3600)
    assert cloud.run().loaded == 1
    assert cloud.service.requests[-1] == [f"odd {TOWN}"]


@pytest.mark.parametrize("how", ["bad", "failing"])
def test_a_request_that_one_text_spoils_is_split_to_find_it(cloud: TextBench, how: str) -> None:
    cloud.put(**texts(9), odd=f"odd {TOWN}")
    setattr(cloud.service, how, "odd")
    tally = cloud.run()
    assert (tally.loaded, tally.dead) == (9, 1)
    assert cloud.bench.outcomes()["odd"] == "dead"
    answered = [text for text in cloud.service.sent if "odd" not in text]
    if how == "bad":
        assert sorted(answered) == sorted(texts(9).values()), "what is refused is not paid, the rest once"


def test_a_long_text_goes_in_pieces_and_ends_as_one(cloud: TextBench) -> None:
    filler = "Nothing happens in this sentence.\n" * 4000
    cloud.put(long=f"{filler}At last we came to {TOWN}.", short=f"from {TOWN}")
    tally = cloud.run()
    assert (tally.loaded, tally.values) == (2, 2)
    pieces = [request for request in cloud.service.requests if len(request[0]) > 100]
    assert len(pieces) == 2
    assert all(len(text) <= 125_000 for request in pieces for text in request)
    with cloud.bench.database.connect() as connection:
        offsets = set(connection.scalars(select(tables.field_value.c.text_offset)))
    assert offsets == {5, len(filler) + len("At last we came to ")}


def test_pieces_that_were_paid_are_asked_for_again_and_not_paid(cloud: TextBench) -> None:
    filler = "Nothing happens in this sentence.\n" * 4000
    cloud.put(long=f"{filler}At last we came to {TOWN}.")
    cloud.service.polls = [AttemptError("no answer", reason="not-reachable")] * 2
    assert cloud.run().postponed == 1
    assert len(cloud.service.requests) == 2
    assert cloud.run().loaded == 1
    assert len(cloud.service.requests) == 2


def test_the_same_long_text_under_another_name_is_not_paid_again(cloud: TextBench) -> None:
    filler = "Nothing happens in this sentence.\n" * 4000
    cloud.put(one=f"{filler}At last we came to {TOWN}.")
    assert cloud.run().loaded == 1
    cloud.put(two=f"{filler}At last we came to {TOWN}.")
    assert cloud.run().loaded == 1
    assert len(cloud.service.requests) == 2


def test_what_a_service_has_is_asked_for_and_not_paid_again(cloud: TextBench) -> None:
    """Polls fail in the first run, as if it had died with its requests under way."""
    cloud.put(**texts(30))
    cloud.service.polls = [AttemptError("no answer", reason="not-reachable")] * 2
    assert cloud.run().loaded == 0
    assert len(cloud.service.requests) == 2
    assert cloud.run().loaded == 30
    assert len(cloud.service.requests) == 2
    assert cloud.operations() == [("analyze", "finished")] * 2


def test_an_operation_stays_open_until_all_its_documents_are_written(cloud: TextBench) -> None:
    """Killed after the first of two documents of one request was committed."""
    cloud.put(**texts(2))
    cloud.service.polls = [AttemptError("no answer", reason="not-reachable")]
    cloud.run()
    ids = sorted(row.id for row in cloud.bench.documents().values())
    with cloud.bench.database.begin() as connection:
        done = update(tables.document).where(tables.document.c.id == ids[0])
        connection.execute(done.values(stage="done", outcome="loaded"))
        operations.finish_of_documents(connection, ids[:1], cloud.bench.now)
    assert cloud.operations() == [("analyze", "submitted")]
    assert cloud.run().loaded == 1
    assert len(cloud.service.requests) == 1
    assert cloud.operations() == [("analyze", "finished")]


def test_a_job_the_service_forgot_is_begun_again(cloud: TextBench) -> None:
    cloud.put(**texts(3))
    cloud.service.polls = [AttemptError("no answer", reason="not-reachable")]
    cloud.run()
    cloud.service.polls = [AttemptError("gone", reason="operation-expired")]
    assert cloud.run().loaded == 3
    assert len(cloud.service.requests) == 2


def test_a_deployment_that_is_not_there_ends_the_row(cloud: TextBench) -> None:
    cloud.put(**texts(3))

    def refuse(*_: object) -> str:
        raise RowError("no such deployment", reason="deployment-missing")

    cloud.service.submit_texts = refuse  # type: ignore[method-assign, assignment]
    with pytest.raises(RowError, match="no such deployment"):
        cloud.run()
    assert {row.stage for row in cloud.bench.documents().values()} == {"pending"}


def test_texts_are_paid_by_the_thousand_characters(cloud: TextBench) -> None:
    from decimal import Decimal

    cloud.spending = Spending(Price("text records", 1000, Decimal(5), Decimal(5)))
    cloud.put(short=f"from {TOWN}", longer=f"{TOWN} " * 500)
    cloud.run()
    spent = cloud.spending.spent
    assert (spent.pages, spent.cost) == (2, Decimal(5) * 4 / 1000)
