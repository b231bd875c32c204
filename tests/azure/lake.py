"""The demo's lake, drawn small, and put into a storage account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.demo.lake import CONTAINER, LakeManifest, write_lake
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
