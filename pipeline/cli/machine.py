"""Whether this machine can do the work: what `formpipe doctor` looks at beside the rows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from pipeline.db import schema
from pipeline.db.faults import cause_of, fault_of
from pipeline.errors import FormpipeError
from pipeline.settings import Settings

_SAMPLE = "INVOICE"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; `remedy` says what to do where it is not `ok`."""

    name: str
    severity: Literal["ok", "warning", "error"]
    message: str
    remedy: str = ""


def check_machine(settings: Settings, database: Engine) -> Iterator[Check]:
    """Database, storage, memory and OCR, in this order; the last takes about a second."""
    yield check_schema(database)
    if settings.storage == "folder":
        yield check_storage(settings.storage_root)
    yield check_memory(settings, psutil.virtual_memory().available)
    yield check_ocr(_read_sample)


def check_schema(database: Engine) -> Check:
    """Whether the database answers and has the newest schema."""
    try:
        found = schema.current_revision(database)
    except FormpipeError as error:  # of the sign-in
        return Check("database", "error", f"nobody is signed in ({error.reason})", str(error))
    except SQLAlchemyError as error:
        fault = fault_of(error) if isinstance(error, DBAPIError) else None
        if fault is not None and isinstance(error, DBAPIError):
            return Check("database", "error", f"{fault.reason} ({cause_of(error)})", fault.remedy)
        message = f"the database does not answer ({type(error).__name__})"
        return Check("database", "error", message, "check FORMPIPE_DATABASE_URL and that the server runs")
    if found == schema.head_revision():
        return Check("database", "ok", f"schema {found}")
    message = f"schema {found or 'missing'}, this program needs {schema.head_revision()}"
    return Check("database", "error", message, "run `formpipe db upgrade`")


def check_storage(root: Path) -> Check:
    """Whether the storage folder is there and can be written to."""
    remedy = "create it, or set FORMPIPE_STORAGE_ROOT"
    if not root.is_dir():
        return Check("storage", "error", f"the folder {root} is not there", remedy)
    try:
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError as error:
        message = f"the folder {root} cannot be written to ({error.strerror})"
        return Check("storage", "error", message, "give this user the right to write there")
    return Check("storage", "ok", f"{root} can be read and written")


def check_memory(settings: Settings, available_bytes: int) -> Check:
    """Whether the workers fit into the memory that is free, and how many cores there are."""
    available = available_bytes // 2**20
    needed = max(settings.workers * settings.reader_memory_mb, settings.training_memory_mb)
    workers = f"{settings.workers} workers on {os.cpu_count()} cores"
    message = f"{workers} take up to {needed:,} MB, {available:,} MB are free"
    if needed <= available:
        return Check("memory", "ok", message)
    return Check("memory", "warning", message, "set FORMPIPE_WORKERS lower, or free memory")


def check_ocr(read_sample: Callable[[], str]) -> Check:
    """Whether text recognition loads and reads a word drawn for it."""
    try:
        read = read_sample()
    except Exception as error:  # whatever a native library raises at loading, the answer is the same
        message = f"text recognition does not load ({type(error).__name__})"
        return Check(
            "OCR", "error", message, "install formpipe again: `pip install --force-reinstall rapidocr`"
        )
    if _SAMPLE not in read.upper():
        return Check(
            "OCR",
            "error",
            f"{_SAMPLE} was read as {read!r}",
            "install the rapidocr version of pyproject.toml",
        )
    return Check("OCR", "ok", "reads a drawn word")


def _read_sample() -> str:
    import cv2  # here, because every command would wait for it at the top
    import numpy as np

    from pipeline.reading.ocr import RapidOcr

    image = np.full((80, 320), 255, dtype=np.uint8)
    cv2.putText(image, _SAMPLE, (20, 55), cv2.FONT_HERSHEY_SIMPLEX, 1.5, 0, 3, cv2.LINE_AA)
    return " ".join(word.text for word in RapidOcr().read(image))
