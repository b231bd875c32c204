"""A small data lake: training forms with labels, backlogs, and the truth beside them.

<root>/<container>/<form_type>/training/   documents, <document>.labels.json, fields.json
<root>/<container>/<form_type>/backlog/    documents
<root>/truth.jsonl                         one line per document
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Literal

from pipeline.demo.design import FormDesign
from pipeline.demo.invoice_layouts import INVOICE
from pipeline.demo.registration import REGISTRATION
from pipeline.demo.scan import jpeg_bytes, scan, tiff_bytes
from pipeline.demo.service_report import SERVICE_REPORT
from pipeline.demo.sheet import Printed
from pipeline.formats.fields_json import fields_to_json
from pipeline.formats.labels_json import labels_to_json
from pipeline.types import Label

CONTAINER = "forms"
DESIGNS = (INVOICE, REGISTRATION, SERVICE_REPORT)
UNSEEN_SHARE = 0.18
_TIFF_SHARE = 0.4

Folder = Literal["training", "backlog"]


@dataclass(frozen=True, slots=True)
class LakeDocument:
    """One document: `path` is relative to the container; `printed` are the fields that were filled in."""

    form_type: str
    folder: Folder
    path: str
    layout: str
    body: bytes
    printed: tuple[Printed, ...]


@dataclass(frozen=True, slots=True)
class LakeManifest:
    """What was written: root folder, its container, the truth file, paths in the container by form type."""

    root: Path
    container: str
    truth: Path
    training: dict[str, tuple[str, ...]]
    backlog: dict[str, tuple[str, ...]]


def write_lake(root: Path, seed: int = 7, training: int = 10, backlog: int = 25) -> LakeManifest:
    """Write the lake of all three form types under `root`; equal arguments give equal bytes.

    `training` and `backlog` count documents per form type. About one in six backlog documents has a
    layout that no training form has. Files of the same names are overwritten, others stay: another seed
    or another count wants an empty folder.
    """
    container, truth = root / CONTAINER, root / "truth.jsonl"
    paths: dict[str, dict[str, list[str]]] = {"training": {}, "backlog": {}}
    lines = []
    for design, document in _documents(seed, training, backlog):
        _write(container, document)
        lines.append(json.dumps(truth_of(design, document), ensure_ascii=False) + "\n")
        paths[document.folder].setdefault(document.form_type, []).append(document.path)
    for design in DESIGNS:
        _write_fields(container, design)
    truth.write_text("".join(lines), encoding="utf-8", newline="\n")
    return LakeManifest(root, CONTAINER, truth, _frozen(paths["training"]), _frozen(paths["backlog"]))


def _documents(seed: int, training: int, backlog: int) -> Iterator[tuple[FormDesign, LakeDocument]]:
    for design in DESIGNS:
        for document in drawn(design, "training", training, seed):
            yield design, document
        for document in drawn(design, "backlog", backlog, seed):
            yield design, document


def _frozen(paths: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {form_type: tuple(names) for form_type, names in paths.items()}


def drawn(design: FormDesign, folder: Folder, count: int, seed: int) -> Iterator[LakeDocument]:
    """The documents of one folder, each drawn with a random state of its own."""
    for number, layout in enumerate(_layouts(design, folder, count, seed), start=1):
        random = Random(f"{seed}/{design.form_type}/{folder}/{number}")
        body, suffix, printed = _drawn(design, layout, random)
        path = f"{design.form_type}/{folder}/{design.form_type}_{folder[0]}{number:03d}{suffix}"
        yield LakeDocument(design.form_type, folder, path, layout, body, printed)


def truth_of(design: FormDesign, document: LakeDocument) -> dict[str, Any]:
    """A line of `truth.jsonl`. Fields that were left blank are not in `fields`, `values`, `keys`."""
    return {
        "form_type": document.form_type,
        "folder": document.folder,
        "path": document.path,
        "layout": document.layout,
        "seen_layout": document.layout != design.unseen,
        "fields": {each.entry.field: each.entry.text for each in document.printed},
        "values": {each.entry.field: each.entry.value for each in document.printed},
        "keys": {each.entry.field: each.key for each in document.printed},
    }


def _layouts(design: FormDesign, folder: Folder, count: int, seed: int) -> list[str]:
    """Which layout each document has: all known ones in turn, in the backlog some unseen, shuffled."""
    unseen = max(1, round(UNSEEN_SHARE * count)) if folder == "backlog" and count else 0
    known = [design.seen[at % len(design.seen)] for at in range(count - unseen)]
    layouts = [*known, *[design.unseen] * unseen]
    Random(f"{seed}/{design.form_type}/{folder}").shuffle(layouts)
    return layouts


def _drawn(design: FormDesign, layout: str, random: Random) -> tuple[bytes, str, tuple[Printed, ...]]:
    drawing = design.draw(layout, random)
    answers = design.answers(drawing)
    if design.medium == "pdf":
        return drawing.pdf, ".pdf", answers
    scanned = scan(drawing, random)
    printed = tuple(each for each in scanned.printed if each.entry.field in {a.entry.field for a in answers})
    if len(scanned.pages) > 1 or random.random() < _TIFF_SHARE:
        return tiff_bytes(scanned), ".tif", printed
    return jpeg_bytes(scanned), ".jpg", printed


def _write(container: Path, document: LakeDocument) -> None:
    path = container / document.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(document.body)
    if document.folder == "training":
        labels = [Label(each.entry.field, each.entry.text, each.regions) for each in document.printed]
        _write_json(path.with_name(path.name + ".labels.json"), labels_to_json(path.name, labels))


def _write_fields(container: Path, design: FormDesign) -> None:
    folder = container / design.form_type / "training"
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / "fields.json", fields_to_json(design.fields))


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8", newline="\n")
