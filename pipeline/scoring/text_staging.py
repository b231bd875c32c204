"""Read a document's text before anything is paid for it. Runs in a worker."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pipeline.formats.ocr_json import layout_from_json, layout_to_json
from pipeline.ports import Reader, Storage
from pipeline.remote import StagedDocument
from pipeline.scoring.document import read_pages
from pipeline.scoring.text_document import read_text
from pipeline.types import AccountNames, BlobRef, Layout
from pipeline.wire.language.batches import characters

_ANY = "surrogatepass"


@dataclass(frozen=True, slots=True)
class TextStageTask:
    """A blob whose text is to be laid down in `folder`, of its first `max_pages`, or of its `pages` from the
    first to the last."""

    ref: BlobRef
    account: AccountNames
    folder: Path
    max_pages: int
    file_type: str | None = None
    key: int = 0
    pages: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class StagedText:
    """A document that was read: its text is in the file of `document`, its layout beside it. `units`: the
    text's length in UTF-16 units; `blank`: it says nothing."""

    document: StagedDocument
    units: int
    blank: bool = False

    @property
    def text(self) -> str:
        return self.document.file.read_bytes().decode("utf-8", _ANY)

    @property
    def layout(self) -> Layout:
        return layout_from_json(json.loads(_layout_file(self.document.file).read_bytes()))

    def discard(self) -> None:
        """Nobody asks for it any more."""
        self.document.file.unlink(missing_ok=True)
        _layout_file(self.document.file).unlink(missing_ok=True)


def stage_text(task: TextStageTask, storage: Storage, reader: Reader) -> StagedText:
    """The document's text and layout as files. Raises DocumentError for what cannot be read, AttemptError
    where storage fails."""
    content, digest = read_pages(storage, task.ref, task.pages)
    read = read_text(content, reader, max_pages=task.max_pages, file_type=task.file_type)
    file = task.folder / f"{task.key}-{digest[:32]}.txt"
    file.write_bytes(read.text.encode("utf-8", _ANY))
    _layout_file(file).write_text(json.dumps(layout_to_json(read.layout)), encoding="utf-8")
    pages = read.layout.page_count
    staged = StagedDocument(task.ref.path, file, len(content), "text/plain", digest, pages)
    return StagedText(staged, characters(read.text), not read.text.strip())


def _layout_file(file: Path) -> Path:
    return file.with_suffix(".json")
