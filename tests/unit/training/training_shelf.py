"""A training folder to fill: documents by content, labels as words that stand on the page."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.formats.fields_json import fields_to_json
from pipeline.formats.labels_json import labels_to_json
from pipeline.formats.ocr_json import layout_to_json
from pipeline.services import load_services
from pipeline.storage.folder import FolderStorage
from pipeline.training.inspection import inspect
from pipeline.training.records import TrainingFolder
from pipeline.types import (
    FieldSpec,
    FormType,
    Label,
    LabelRegion,
    Layout,
    Line,
    Page,
    Polygon,
    Word,
)

BOX: Polygon = (0.1, 0.1, 0.2, 0.1, 0.2, 0.12, 0.1, 0.12)
"""Where labelled values stand, relative to the page: inside the only word of it."""

WORD: Polygon = (0.1, 0.1, 0.4, 0.1, 0.4, 0.12, 0.1, 0.12)

PAGE_TEXT = "0 1 2 3 4 5 6 7 8 9 1 May another"
"""What the word says, with all that forms are labelled with."""

ROW = FormType("invoices", "invoices", "lake", "train/", "lake", "backlog/")


def scaled(polygon: Polygon, width: float, height: float) -> Polygon:
    x1, y1, x2, y2, x3, y3, x4, y4 = polygon
    return (
        x1 * width,
        y1 * height,
        x2 * width,
        y2 * height,
        x3 * width,
        y3 * height,
        x4 * width,
        y4 * height,
    )


def layout_of(text: str) -> Layout:
    """One page of 10 x 20 inches with one word at WORD."""
    polygon = scaled(WORD, 10.0, 20.0)
    word = Word(text, polygon)
    return Layout((Page(1, 10.0, 20.0, "inch", (Line(text, polygon, (word,)),)),), 1)


def label(field: str, text: str, box: Polygon = BOX) -> Label:
    return Label(field, text, (LabelRegion(1, text, box),) if text else ())


@dataclass(frozen=True)
class Shelf:
    """Writes files of a training folder and inspects it."""

    root: Path

    @property
    def storage(self) -> FolderStorage:
        return FolderStorage(self.root)

    def put(self, name: str, content: bytes | dict[str, Any], folder: str = "train") -> None:
        file = self.root / "lake" / folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())

    def remove(self, name: str) -> None:
        (self.root / "lake" / "train" / name).unlink()

    def form(self, name: str, *labels: Label, content: str | None = None, folder: str = "train") -> None:
        """A document and its label file; without labels, the document alone."""
        self.put(name, f"%PDF-1.4 {content or name}".encode(), folder)
        if labels:
            self.put(f"{name}.labels.json", labels_to_json(name, labels), folder)

    def ocr(self, name: str, version: str = "2.1.0", text: str = PAGE_TEXT) -> None:
        """An `.ocr.json` of the user's own."""
        body = layout_to_json(layout_of(text))
        body["analyzeResult"]["version"] = version
        self.put(f"{name}.ocr.json", body)

    def fields(self, *names: str, file: str = "fields.json") -> None:
        self.put(file, fields_to_json([FieldSpec(name) for name in names]))

    def inspect(self, *rows: FormType, engine: str = "local", **changes: Any) -> TrainingFolder:
        row = replace(rows[0] if rows else ROW, engine=engine, **changes)
        return inspect(self.storage, row, load_services()[engine], rows)

    def codes(self, severity: str | None = None, **changes: Any) -> dict[str, str]:
        """Codes of the findings, with the subject of the last of each."""
        findings = self.inspect(**changes).findings
        return {f.code: f.subject for f in findings if severity in (None, f.severity)}
