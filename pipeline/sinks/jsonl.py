"""A folder of files, one per form type: a line of JSON per item. The last line of an id is the one that
counts, and `{"id": ..., "deleted": true}` takes an item away."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

from pipeline.errors import DocumentError, RowError
from pipeline.formats.item_json import item_to_json, json_bytes
from pipeline.types import SinkItem

_BLOCK = 1 << 16


class JsonlSink:
    """Satisfies `ports.Sink`. Every call of `put` is on the disk when it returns; one that was cut off leaves
    a torn line at most, which nobody reads and the next `put` cuts away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(
        self, form_type: str, items: Sequence[SinkItem], replaced: Sequence[str] = ()
    ) -> Mapping[str, DocumentError]:
        """Append the items, then lines that take the replaced ones away; superseded lines stay in the file
        until `remove` writes it anew."""
        lines = [json_bytes(item_to_json(item)) for item in items]
        lines += [json_bytes({"id": each, "deleted": True}) for each in replaced]
        if lines:
            with self._writing(form_type):
                self._append(self._file(form_type), b"\n".join(lines) + b"\n")
        return {}

    def remove(self, form_type: str, ids: Sequence[str]) -> None:
        """Write the file anew with what counts and is not of these ids: nothing else stays in it."""
        file = self._file(form_type)
        if file.exists() and ids:
            with self._writing(form_type):
                self._rewrite(file, frozenset(ids))

    def keys(self, form_type: str) -> Iterator[tuple[str, str]]:
        file = self._file(form_type)
        if not file.exists():
            return
        with self._reading(file), closing(_index(file)) as index:
            yield from index.execute("SELECT id, digest FROM line")

    def _file(self, form_type: str) -> Path:
        return self._folder / f"{form_type}.jsonl"

    def _append(self, file: Path, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        _rewritten(file).unlink(missing_ok=True)
        new = not file.exists()
        with file.open("ab+") as stream:
            stream.truncate(_end_of_lines(stream))
            stream.write(content)
            _sync(stream)
        if new:
            _sync_folder(self._folder)

    def _rewrite(self, file: Path, ids: frozenset[str]) -> None:
        kept = _rewritten(file)
        with closing(_index(file)) as index, file.open("rb") as source, kept.open("wb") as target:
            for key, offset in index.execute("SELECT id, start FROM line ORDER BY start"):
                if key not in ids:
                    source.seek(offset)
                    target.write(source.readline())
            _sync(target)
        kept.replace(file)
        _sync_folder(self._folder)

    @contextmanager
    def _writing(self, form_type: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RowError(
                f"{self._file(form_type)} cannot be written ({error.strerror}): mend jsonl_folder",
                reason="sink-not-writable",
            ) from None

    @contextmanager
    def _reading(self, file: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RowError(
                f"{file} cannot be read ({error.strerror}): mend jsonl_folder", reason="sink-not-readable"
            ) from None


def _index(file: Path) -> sqlite3.Connection:
    """The lines that count: id, digest and where they start. Kept outside memory, whatever their number."""
    index = sqlite3.connect("")
    index.execute("CREATE TABLE line (id TEXT PRIMARY KEY, digest TEXT, start INTEGER) WITHOUT ROWID")
    for key, digest, start in _lines(file):
        if digest is None:
            index.execute("DELETE FROM line WHERE id = ?", (key,))
        else:
            index.execute("INSERT OR REPLACE INTO line VALUES (?, ?, ?)", (key, digest, start))
    return index


def _lines(file: Path) -> Iterator[tuple[str, str | None, int]]:
    """Id, digest (None where it takes the item away) and start of every whole line."""
    start = 0
    with file.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if not line.endswith(b"\n"):
                return
            body = _parsed(file, number, line)
            yield body["id"], None if body.get("deleted") else str(body.get("digest", "")), start
            start += len(line)


def _parsed(file: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        body = json.loads(line)
    except ValueError:
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("id"), str):
        raise RowError(
            f"line {number} of {file} is no item: move the file away, and `formpipe verify --repair` writes "
            "it anew",
            reason="sink-damaged",
        )
    return body


def _rewritten(file: Path) -> Path:
    """Where a file is written anew. A kill leaves it there, with what was to be kept: nobody needs it."""
    return file.with_suffix(".jsonl.new")


def _end_of_lines(stream: IO[bytes]) -> int:
    """Where the last whole line ends."""
    end = stream.seek(0, os.SEEK_END)
    while end:
        begin = max(0, end - _BLOCK)
        stream.seek(begin)
        found = stream.read(end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


def _sync(stream: IO[bytes]) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder last; where folders cannot be opened (Windows) the system does."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
