"""Score one document: read it, ask the model, type the values, write the output file. Runs in a worker."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, replace

from pipeline.formats.result_json import result_to_json
from pipeline.ports import Engine, Storage
from pipeline.remote import Operation
from pipeline.scoring.judgement import judge, layout_confidence, type_values
from pipeline.types import (
    AccountNames,
    BacklogDocument,
    DocumentResult,
    ExtractedField,
    FieldSpec,
    Layout,
)


@dataclass(frozen=True, slots=True)
class ScoringModel:
    """What a worker needs to know of the model version and the row it scores for."""

    model_id: str
    fields: tuple[FieldSpec, ...]
    locale: str | None
    min_confidence: float
    max_pages: int
    file_type: str | None


@dataclass(frozen=True, slots=True)
class ScoreTask:
    """One document to score. `output_path` is empty where no output file is wanted. `operation`: a service
    has the document already and is only to be asked for the result."""

    document: BacklogDocument
    model: ScoringModel
    account: AccountNames
    output_path: str = ""
    operation: Operation | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What an engine found in a document whose content has this hash."""

    layout: Layout
    values: tuple[ExtractedField, ...]
    content_hash: str


def score_document(task: ScoreTask, storage: Storage, engine: Engine) -> DocumentResult:
    """What the model finds in the document. Raises DocumentError or AttemptError where it cannot.

    The output file is written before the result is handed back: a run that is killed in between writes
    the same file again, and none is ever missing.
    """
    started = time.perf_counter()
    ref, model = task.document.ref, task.model
    content = storage.read(ref.container, ref.path, ref.etag)
    layout = engine.layout(content, max_pages=model.max_pages, file_type=model.file_type)
    found = Found(layout, engine.extract(model.model_id, layout), hashlib.sha256(content).hexdigest())
    result = conclude(task, found, storage)
    return replace(result, seconds=round(time.perf_counter() - started, 3))


def conclude(task: ScoreTask, found: Found, storage: Storage) -> DocumentResult:
    """Type and judge what was found and write the output file, whichever engine found it."""
    model, layout = task.model, found.layout
    values = type_values(found.values, model.fields, model.locale, model.min_confidence)
    verdict = judge(layout, values, model.fields)
    if task.output_path:
        body = result_to_json(layout, values, model.fields, model.model_id)
        content = json.dumps(body, ensure_ascii=False).encode()
        storage.write(task.document.ref.container, task.output_path, content)
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
