"""The demo's lake, drawn small, and put into a storage account."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.demo.lake import CONTAINER, LakeManifest, write_lake
from pipeline.formats.ocr_json import layout_to_json
from pipeline.reading.options import ReadOptions
from pipeline.reading.reader import read_layout
from tests.azure.azurite import Account


def small_lake(root: Path, *, training: int = 6, backlog: int = 4, seed: int = 7) -> LakeManifest:
    """A lake that trains and scores in seconds."""
    return write_lake(root, seed=seed, training=training, backlog=backlog)


def upload(root: Path, account: Account, *, under: str = "", container: str = CONTAINER) -> list[str]:
    """Put the files of a folder lake (or those under a path of it) into a container; their paths."""
    client = account.container(container)
    base = root / CONTAINER
    files = sorted(file for file in (base / under).rglob("*") if file.is_file())
    paths = [file.relative_to(base).as_posix() for file in files]
    for file, path in zip(files, paths, strict=True):
        client.upload_blob(path, file.read_bytes(), overwrite=True)
    return paths


def row_of(form_type: str, **changes: Any) -> dict[str, Any]:
    """The demo's row of a form type, with changes."""
    from pipeline.demo.rows import demo_rows

    (row,) = (each for each in demo_rows() if each["form_type"] == form_type)
    return row | changes


@dataclass(frozen=True)
class Forms:
    """Training forms of the demo's purchase invoices in a container, with layouts beside them."""

    root: Path
    account: Account
    form_type: str = "purchase_invoice"

    def link(self, permissions: str = "rl", **more: Any) -> str:
        """A signed URL of the container."""
        return f"{self.account.url}/{CONTAINER}?{self.account.container_sas(CONTAINER, permissions, **more)}"

    @property
    def training(self) -> str:
        return f"{self.form_type}/training/"

    def backlog(self, suffix: str = ".pdf") -> list[Path]:
        folder = self.root / CONTAINER / self.form_type / "backlog"
        return sorted(folder.glob(f"*{suffix}"))

    def blob_link(self, path: str) -> str:
        """A signed URL of one blob."""
        return f"{self.account.url}/{CONTAINER}/{path}?{self.account.container_sas(CONTAINER, 'r')}"

    def truth(self, name: str) -> dict[str, str]:
        """What was printed on a document, by field."""
        lines = (self.root / "truth.jsonl").read_text(encoding="utf-8").splitlines()
        (found,) = (line for line in map(json.loads, lines) if line["path"].endswith(f"/{name}"))
        return {field: value for field, value in found["fields"].items() if value is not None}

    def put_layouts(self, form_type: str = "") -> None:
        """Put a layout beside every training form (those that are PDFs), as the labelling tool would have."""
        training = f"{form_type or self.form_type}/training/"
        client = self.account.container(CONTAINER)
        folder = self.root / CONTAINER / training
        for form in sorted(folder.iterdir()):
            if form.suffix in (".pdf", ".png", ".jpg", ".tiff", ".tif"):
                layout = read_layout(form.read_bytes(), ReadOptions(max_pages=10), None)
                body = json.dumps(layout_to_json(layout))
                client.upload_blob(f"{training}{form.name}.ocr.json", body, overwrite=True)
