"""A backlog in a real folder and a real database, scored in threads by an engine of a few lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select

from pipeline.db import runs, tables
from pipeline.errors import AttemptError, DocumentError, RowError
from pipeline.executors.threads import ThreadExecutor
from pipeline.prices import FREE
from pipeline.scoring.backlog import BacklogChanges, synchronise
from pipeline.scoring.charging import CountedReaders
from pipeline.scoring.document import ScoreTask, score_document
from pipeline.scoring.routing import Router
from pipeline.scoring.spending import Limits, Purse, Spending
from pipeline.scoring.stage import ScoringContext, ScoringLimits, Tally, score_backlog
from pipeline.storage.folder import FolderStorage
from pipeline.types import Box, ExtractedField, FieldSpec, FormType, Layout, Line, ModelVersion, Page, Word

BOX = Box(0, 0, 1, 1).polygon
LIMITS = ScoringLimits(timeout=60, batch=3, retry_delay=60, max_pages=50, min_confidence=0.5)
ROW = FormType(
    form_type="bills",
    group="bills",
    training_container="forms",
    training_folder="training/",
    scoring_container="forms",
    scoring_folder="in/",
    output_folder="out/",
    fields=(FieldSpec("total", "currency"),),
)


@dataclass
class WordsEngine:
    """A document is its text: `total 12.50` has a total, and some words fail in a named way."""

    answers: dict[str, int] = field(default_factory=dict)

    def layout(self, content: bytes, *, max_pages: int, file_type: str | None = None) -> Layout:
        text = content.decode()
        self.answers[text] = self.answers.get(text, 0) + 1
        failures: dict[str, Exception] = {
            "damaged": DocumentError("not a document", reason="damaged-pdf"),
            "flaky": AttemptError("try again", reason="blob-unreadable"),
            "crash": AttemptError("it died", reason="worker-died"),
            "bug": ZeroDivisionError(),
            "full": RowError("no room", reason="storage-not-writable"),
        }
        if text in failures:
            raise failures[text]
        words = tuple(Word(part, BOX) for part in text.split())
        return Layout((Page(1, 1, 1, "inch", (Line(text, BOX, words),)),), 1)

    def train(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def extract(self, model_id: str, layout: Layout) -> tuple[ExtractedField, ...]:
        words = layout.text.split()
        pairs = zip(words[0::2], words[1::2], strict=False)
        return tuple(ExtractedField(name, text, 1, BOX, 0.9) for name, text in pairs)


@dataclass
class Bench:
    """Everything one scoring needs; `score` is what a run does for the row."""

    root: Path
    database: Engine
    run_id: int
    version: ModelVersion
    engine: WordsEngine = field(default_factory=WordsEngine)
    row: FormType = ROW
    now: datetime = datetime(2026, 3, 1, tzinfo=UTC)
    stop_after: int | None = None
    guard: Callable[[Connection], None] = lambda connection: None
    stored: frozenset[str] | None = None
    router: Router | None = None

    def put(self, **contents: str) -> None:
        for name, text in contents.items():
            file = self.root / "forms" / "in" / f"{name}.pdf"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def listing(self) -> BacklogChanges:
        storage = FolderStorage(self.root)
        return synchronise(self.database, storage, self.row, now=lambda: self.now, guard=self.guard)

    def score(self) -> Tally:
        storage = FolderStorage(self.root)
        done: list[int] = [0]

        def perform(task: ScoreTask) -> object:
            return score_document(task, storage, self.engine)

        def progress(tally: Tally) -> None:
            done[0] = tally.finished

        executor = ThreadExecutor(perform, 2)
        spending = Spending(FREE, Purse(Limits(self.row.max_pages_per_run)))
        context = ScoringContext(
            database=self.database,
            executor=CountedReaders(executor, spending),
            now=lambda: self.now,
            guard=self.guard,
            stopping=lambda: self.stop_after is not None and done[0] >= self.stop_after,
            progress=progress,
            run_id=self.run_id,
            stored=self.stored,
            spending=spending,
            router=self.router,
        )
        try:
            return score_backlog(context, self.row, self.version, LIMITS)
        finally:
            executor.close()

    def run(self) -> Tally:
        self.listing()
        return self.score()

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def change(self, **columns: Any) -> None:
        self.row = replace(self.row, **columns)

    def documents(self) -> dict[str, Any]:
        with self.database.connect() as connection:
            rows = connection.execute(select(tables.document))
            return {row.path.removeprefix("in/").removesuffix(".pdf"): row for row in rows}

    def outcomes(self) -> dict[str, str | None]:
        return {name: row.outcome for name, row in self.documents().items()}

    def values(self) -> dict[tuple[str, str, str], str]:
        value, part, document = tables.field_value, tables.part, tables.document
        query = (
            select(document.c.path, value.c.field, value.c.source, value.c.text)
            .join(part, part.c.id == value.c.part_id)
            .join(document, document.c.id == part.c.document_id)
        )
        with self.database.connect() as connection:
            return {(r.path[3:-4], r.field, r.source): r.text for r in connection.execute(query)}


@pytest.fixture
def bench(tmp_path: Path, database: Engine) -> Iterator[Bench]:
    (tmp_path / "forms" / "in").mkdir(parents=True)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with database.begin() as connection:
        connection.execute(
            insert(tables.form_type).values(
                form_type="bills", training_container_name="forms", scoring_container_name="forms"
            )
        )
        connection.execute(
            insert(tables.model_version).values(
                id=1, form_batch_group_id="bills", version=1, engine="local", model_kind="form",
                service_model_id="m1", fingerprint="f", state="active", created_at=now,
            )
        )  # fmt: skip
        run_id = runs.start(connection, holder="test:1:1:x", now=now)
    version = ModelVersion(1, "bills", 1, "local", None, "form", "m1", "f", "active")
    yield Bench(tmp_path, database, run_id, version)
