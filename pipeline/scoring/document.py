"""Score one document: read it, ask the model, type the values, write the output file. Runs in a worker."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, replace

from pipeline.formats.result_json import result_to_json
from pipeline.ports import Engine, Storage
from pipeline.remote import Operation
from pipeline.scoring.judgement import empty_text, judge, layout_confidence, type_values
from pipeline.scoring.text_document import fields_of, read_text, reviewed
from pipeline.scoring.text_pages import classes_by_page
from pipeline.texts import ProjectKind, TextAnswer, project_kind
from pipeline.types import (
    AccountNames,
    BacklogDocument,
    BlobRef,
    DocumentResult,
    ExtractedField,
    FieldSpec,
    Layout,
    ModelKind,
    ScoredValue,
)


@dataclass(frozen=True, slots=True)
class ScoringModel:
    """What a worker needs to know of the model version and the row it scores for. `multi_label`: of a
    classifier that gives any number of classes; of another one the `guesses` likeliest classes are kept.
    `per_page`: each page is asked about by itself."""

    model_id: str
    fields: tuple[FieldSpec, ...]
    locale: str | None
    min_confidence: float
    max_pages: int
    file_type: str | None
    kind: ModelKind = "form"
    multi_label: bool = False
    guesses: int = 1
    per_page: bool = False

    @property
    def texts(self) -> ProjectKind | None:
        """What a model of texts is for, None of a model of forms."""
        return None if self.kind == "form" else project_kind(self.kind, multi_label=self.multi_label)


@dataclass(frozen=True, slots=True)
class OutputPlace:
    """Where the output file of a document goes that lies in the backlog of a router."""

    account: AccountNames
    container: str


@dataclass(frozen=True, slots=True)
class ScoreTask:
    """One document to score. `output_path` is empty where no output file is wanted; `output`: where it goes,
    None for the container of the document. `operation`: a service has the document already and is only to be
    asked for the result."""

    document: BacklogDocument
    model: ScoringModel
    account: AccountNames
    output_path: str = ""
    operation: Operation | None = None
    output: OutputPlace | None = None

    @property
    def output_account(self) -> AccountNames:
        return self.output.account if self.output else self.account

    @property
    def output_container(self) -> str:
        return self.output.container if self.output else self.document.ref.container


@dataclass(frozen=True, slots=True)
class Found:
    """What an engine found in a document whose content has this hash. `text`: what a model of texts was asked
    about."""

    layout: Layout
    values: tuple[ExtractedField, ...]
    content_hash: str
    text: str | None = None


def score_document(
    task: ScoreTask, storage: Storage, engine: Engine, outputs: Storage | None = None
) -> DocumentResult:
    """What the model finds in the document. Raises DocumentError or AttemptError where it cannot. `outputs`:
    where its output file goes, None for the storage it lies in.

    The output file is written before the result is handed back: a run that is killed in between writes
    the same file again, and none is ever missing.
    """
    started = time.perf_counter()
    ref, model = task.document.ref, task.model
    content, digest = read_pages(storage, ref, task.document.pages)
    found = _found(content, digest, model, engine)
    result = conclude(task, found, outputs or storage)
    return replace(result, seconds=round(time.perf_counter() - started, 3))


def _found(content: bytes, digest: str, model: ScoringModel, engine: Engine) -> Found:
    kind, most = model.texts, model.max_pages
    if kind is None:
        layout = engine.layout(content, max_pages=most, file_type=model.file_type)
        return Found(layout, engine.extract(model.model_id, layout), digest)
    read = read_text(content, engine, max_pages=most, file_type=model.file_type)
    if model.per_page and len(read.layout.pages) > 1:
        values = classes_by_page(read.layout, lambda text: engine.answer(model.model_id, text))
        return Found(read.layout, values, digest, read.text)
    answer = engine.answer(model.model_id, read.text) if read.text.strip() else TextAnswer()
    values = fields_of(answer, kind, read.text, read.layout, guesses=model.guesses)
    return Found(read.layout, values, digest, read.text)


def read_pages(storage: Storage, ref: BlobRef, pages: tuple[int, int] | None) -> tuple[bytes, str]:
    """The content of a blob, or of some of its pages, and its hash. Parts of one content differ in theirs."""
    content = storage.read(ref.container, ref.path, ref.etag)
    digest = hashlib.sha256(content).hexdigest()
    if pages is None:
        return content, digest
    # the readers' libraries belong into the workers, not into the process that hands out the work
    from pipeline.reading.cutting import cut

    part = f"{digest}:{pages[0]}-{pages[1]}"
    return cut(content, *pages), hashlib.sha256(part.encode()).hexdigest()


def conclude(task: ScoreTask, found: Found, storage: Storage) -> DocumentResult:
    """Type and judge what was found and write the output file, whichever engine found it."""
    model, layout = task.model, found.layout
    values = _typed(found, model)
    blank = found.text is not None and not found.text.strip()
    verdict = empty_text(layout) if blank else judge(layout, values, model.fields)
    if task.output_path:
        body = result_to_json(layout, values, model.fields, model.model_id)
        content = json.dumps(body, ensure_ascii=False).encode()
        storage.write(task.output_container, task.output_path, content)
    return DocumentResult(
        document=task.document,
        outcome=verdict.outcome,
        reason=verdict.reason,
        message=verdict.message,
        values=values,
        content_hash=found.content_hash,
        pages=len(layout.pages),
        ocr_pages=layout.ocr_pages,
        layout_confidence=layout_confidence(layout),
        tables=tuple((page.number, table) for page in layout.pages for table in page.tables),
    )


def _typed(found: Found, model: ScoringModel) -> tuple[ScoredValue, ...]:
    """A classifier's answer is in no locale."""
    locale = None if model.kind == "classes" else model.locale
    values = type_values(found.values, model.fields, locale, model.min_confidence)
    return reviewed(values) if model.kind == "classes" else values
