"""A blob that was renamed is known by its content, and not paid again (`on_rename`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine

from pipeline.db import reuse
from pipeline.db.reuse import Former
from pipeline.db.transactions import consult
from pipeline.errors import AttemptError, DocumentError, RowError
from pipeline.formats.result_json import output_path
from pipeline.ports import Outcome, Storage
from pipeline.remote import StagedDocument
from pipeline.scoring.document import ScoreTask
from pipeline.scoring.judgement import verdict
from pipeline.types import DocumentResult, FormType


@dataclass(frozen=True, slots=True)
class Reuse:
    """Knows the documents of a row whose blob is gone and that the model version scored which scores now."""

    database: Engine
    storage: Storage
    row: FormType
    version_id: int

    def known(self, task: ScoreTask, staged: StagedDocument) -> Outcome[Any, object] | None:
        """How a staged document ends that has the content of one that is gone; its output file is written.
        None where it must be read: there is no such document, its output file cannot be copied, or a service
        has the new one already."""
        if task.operation is not None:
            return None
        query = partial(
            reuse.find,
            document_id=task.document.id,
            form_type=self.row.form_type,
            content_hash=staged.content_hash,
            version_id=self.version_id,
        )
        former = consult(self.database, query)
        try:
            if former is None or not self._copied(former, task):
                return None
        except (DocumentError, RowError) as error:
            return Outcome(task, error=error)
        return Outcome(task, result=_result(former, task, staged))

    def _copied(self, former: Former, task: ScoreTask) -> bool:
        if not task.output_path:
            return True
        if former.ref.account != task.document.ref.account or self.row.output_folder is None:
            return False
        before = output_path(self.row.output_folder, self.row.scoring_folder, former.ref.path, former.part)
        container = self.row.scoring_container if former.routed else former.ref.container
        try:
            content = self.storage.read(container, before)
        except (AttemptError, DocumentError):
            return False
        self.storage.write(task.output_container, task.output_path, content)
        return True


def _result(former: Former, task: ScoreTask, staged: StagedDocument) -> DocumentResult:
    """It ends as it would if the same were found again."""
    there = max(staged.pages or 0, former.pages)
    ended = verdict(former.pages, there, former.certain, task.model.fields)
    return DocumentResult(
        document=task.document,
        outcome=ended.outcome,
        reason=ended.reason,
        message=ended.message,
        content_hash=staged.content_hash,
        pages=former.pages,
        ocr_pages=former.ocr_pages,
        layout_confidence=former.layout_confidence,
        reused_from=former.id,
    )


def lost(connection: Connection, results: Sequence[DocumentResult]) -> set[int]:
    """The documents among the results that were to take over values which are no longer there: they came
    back, were removed or forgotten meanwhile. They are to be read."""
    taking = [result for result in results if result.reused_from is not None]
    if not taking:
        return set()
    there = reuse.still_there(connection, {result.reused_from for result in taking if result.reused_from})
    return {each.document.id for each in taking if there.get(each.reused_from or 0) != each.content_hash}


def hand_over(connection: Connection, row: FormType, results: Sequence[DocumentResult]) -> None:
    """After results are written: values go over to the documents that reuse them, and what a person said of
    a content that was read again goes with it. Safe to do twice."""
    if row.on_rename != "reuse":
        return
    scored: dict[int, str] = {}
    for result in results:
        if result.reused_from is not None:
            reuse.take_over(connection, result.reused_from, result.document.id)
        elif result.content_hash is not None:
            scored[result.document.id] = result.content_hash
    reuse.carry_corrections(connection, row.form_type, scored)
