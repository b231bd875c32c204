"""A mixed folder: documents of all form types and letters, under names that do not tell which is which.

<root>/<container>/inbox/                  documents and letters
<root>/<container>/sorting/<class>/        examples of each class, by which a router learns
<root>/mixed.jsonl                         one line per document of the inbox
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from pipeline.demo.lake import CONTAINER, DESIGNS, drawn
from pipeline.demo.letters import draw_letter

ROUTER, INBOX, SORTING, LETTERS = "incoming", "inbox", "sorting", "letter"

Document = tuple[str, str, bytes]
"""Class, suffix and content."""


def write_mixed(
    root: Path, seed: int = 7, *, forms: int = 20, letters: int = 6, examples: int = 8
) -> dict[str, str]:
    """Write `forms` documents of each form type and `letters` into the inbox, and `examples` of each class;
    the class of each path. Equal arguments give equal bytes."""
    container = root / CONTAINER
    for number, (name, suffix, body) in enumerate(_documents(f"{seed}1", examples, examples), start=1):
        _write(container / SORTING / name / f"{name}_{number:03d}{suffix}", body)
    mixed = list(_documents(f"{seed}2", forms, letters))
    Random(f"{seed}/mixed").shuffle(mixed)
    truth = {}
    for number, (name, suffix, body) in enumerate(mixed, start=1):
        path = f"{INBOX}/scan_{number:04d}{suffix}"
        _write(container / path, body)
        truth[path] = name
    lines = [json.dumps({"path": path, "class": name}) + "\n" for path, name in truth.items()]
    (root / "mixed.jsonl").write_text("".join(lines), encoding="utf-8", newline="\n")
    return truth


def router_row() -> dict[str, Any]:
    """The router's parameter row, keyed by column."""
    return {
        "form_type": ROUTER,
        "form_description": "Everything that comes in, sorted by what it is",
        "engine": "local",
        "model_kind": "classes",
        "routes": True,
        "training_container_name": CONTAINER,
        "training_blob_root_folder": SORTING,
        "include_subfolders": True,
        "scoring_container_name": CONTAINER,
        "scoring_input_blob_folder": INBOX,
        "model_id": "-1",
    }


def _documents(seed: str, forms: int, letters: int) -> Iterator[Document]:
    for design in DESIGNS:
        for document in drawn(design, "backlog", forms, int(seed)):
            yield document.form_type, Path(document.path).suffix, document.body
    for number in range(letters):
        yield LETTERS, ".pdf", draw_letter(Random(f"{seed}/letter/{number}")).pdf


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
