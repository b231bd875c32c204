"""Fetch a document and look at it before anything is paid for it. Runs in a worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import DocumentError
from pipeline.ports import Storage
from pipeline.reading.content import HEAD_LENGTH, content_type
from pipeline.remote import StagedDocument
from pipeline.scoring.document import read_pages
from pipeline.types import AccountNames, BlobRef

_ALIASES = {"image/tif": "image/tiff", "image/jpg": "image/jpeg"}


@dataclass(frozen=True, slots=True)
class StageTask:
    """A blob to be laid down as a file in `folder`, or its `pages` from the first to the last. `file_type`:
    what the row says its documents are."""

    ref: BlobRef
    account: AccountNames
    folder: Path
    file_type: str | None = None
    key: int = 0
    pages: tuple[int, int] | None = None


def stage(task: StageTask, storage: Storage) -> StagedDocument:
    """The document as a file, with its content hash, type and pages.

    Raises DocumentError for what no service could read either (`unsupported-content`, `damaged-pdf`,
    `password-protected`, `other-file-type` ...), AttemptError where storage fails.
    """
    # the readers' libraries belong into the workers, not into the process that hands out the work
    from pipeline.reading.reader import count_pages

    content, digest = read_pages(storage, task.ref, task.pages)
    kind = content_type(content[:HEAD_LENGTH])
    wanted = (task.file_type or "").lower()
    if wanted and kind != _ALIASES.get(wanted, wanted):
        raise DocumentError(
            f"The content is {kind}, the row's file_type is {task.file_type}: "
            "empty the column or move the file.",
            reason="other-file-type",
        )
    pages = count_pages(content)
    file = task.folder / f"{task.key}-{digest[:32]}"
    file.write_bytes(content)
    return StagedDocument(task.ref.path, file, len(content), kind, digest, pages)
