"""A database and a folder that agree with each other, as runs would have left them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from pipeline.accounts import FolderStorages
from pipeline.db.documents import path_hash
from pipeline.db.tables import (
    document,
    field_value,
    form_field,
    form_type,
    model_version,
    part,
    run,
    run_row,
)
from pipeline.types import AccountNames, BlobRef

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Ledger:
    """Writes what a run writes. Documents are files below `lake/<form type>/in/`."""

    def __init__(self, database: Engine, root: Path) -> None:
        self.database = database
        self.root = root
        self.storages = FolderStorages(root)
        self.storage = self.storages.of(AccountNames())
        (root / "lake").mkdir(parents=True, exist_ok=True)

    def insert(self, table: Any, **values: Any) -> int:
        with self.database.begin() as connection:
            key = connection.execute(insert(table).values(**values)).inserted_primary_key
        assert key is not None
        return key[0]

    def form_type(self, name: str, *, required: Sequence[str] = (), **columns: Any) -> None:
        row = {
            "form_type": name,
            "training_container_name": "lake",
            "training_blob_root_folder": f"{name}/train/",
            "scoring_container_name": "lake",
            "scoring_input_blob_folder": f"{name}/in/",
        }
        self.insert(form_type, **(row | columns))
        for field in required:
            self.insert(form_field, form_type=name, field=field, required=True)

    def version(self, group: str, version: int, state: str = "active", **columns: Any) -> int:
        row = {
            "form_batch_group_id": group,
            "version": version,
            "engine": "local",
            "model_kind": "form",
            "fingerprint": f"print-{group}-{version}",
            "state": state,
            "created_at": START,
        }
        return self.insert(model_version, **(row | columns))

    def run(self, *rows: Mapping[str, Any], state: str = "finished") -> int:
        finished = None if state == "running" else START + timedelta(seconds=95)
        key = self.insert(run, started_at=START, finished_at=finished, state=state, holder="host:1:1:a")
        for row in rows:
            self.insert(run_row, **({"run_id": key, "state": "finished"} | row))
        return key

    def file(self, path: str, content: bytes = b"%PDF-1.7") -> str:
        """Writes a file of the lake; its ETag."""
        self.storage.write("lake", path, content)
        return next(b.etag for b in self.storage.list("lake") if b.path == path)

    def document(
        self,
        name: str,
        file: str,
        outcome: str | None = "loaded",
        values: Sequence[Mapping[str, Any]] = (),
        **columns: Any,
    ) -> int:
        """A document, its part where it was read, and its values."""
        path = f"{name}/in/{file}"
        read = outcome in ("loaded", "partial")
        row = {
            "form_type": name,
            "container": "lake",
            "path": path,
            "path_hash": path_hash(BlobRef("", "lake", path)),
            "etag": self.file(path),
            "size": 8,
            "pages": 1 if read else None,
            "ocr_pages": 0 if read else None,
            "layout_confidence": 0.95 if read else None,
            "stage": "pending" if outcome is None else "done",
            "outcome": outcome,
            "first_seen_at": START,
            "finished_at": None if outcome is None else START + timedelta(seconds=10),
        }
        key = self.insert(document, **(row | columns))
        if read:
            self.part(key, values, last_page=(row | columns)["pages"] or 1)
        return key

    def part(
        self, document_id: int, values: Sequence[Mapping[str, Any]] = (), number: int = 1, **columns: Any
    ) -> int:
        pages = {"first_page": 1, "last_page": 1} | columns
        key = self.insert(part, document_id=document_id, number=number, **pages)
        for value in values:
            self.value(key, **value)
        return key

    def value(self, part_id: int, field: str, **columns: Any) -> None:
        row = {"text": "secret value", "confidence": 0.95, "layout_confidence": 0.99}
        self.insert(field_value, part_id=part_id, field=field, **(row | columns))

    def output(self, name: str, file: str, content: bytes | None = None) -> None:
        body = json.dumps({"status": "succeeded"}).encode() if content is None else content
        self.file(f"{name}/out/{file}_output.json", body)


@pytest.fixture
def ledger(database: Engine, tmp_path: Path) -> Ledger:
    return Ledger(database, tmp_path / "data")


@pytest.fixture
def make_ledger() -> type[Ledger]:
    """For databases of other dialects."""
    return Ledger
