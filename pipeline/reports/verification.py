"""Prove that database and backlog agree, and name every difference.

Each form type is gone through twice: its listing against the database, then its documents one by one.
Both go in pages of a bounded size with a short transaction each, so that memory stays flat (a byte per
document) and a run beside it is not held up. What a run changes meanwhile can show as a difference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from sqlalchemy import Engine, Row

from pipeline.db.documents import path_hash
from pipeline.errors import FormpipeError
from pipeline.formats.result_json import output_path
from pipeline.ports import Storage, Storages
from pipeline.reports import documents
from pipeline.types import Blob, BlobRef, FormType

PAGE = 500

Kind = Literal[
    "document-missing",
    "file-missing",
    "file-is-back",
    "change-not-scored",
    "part-missing",
    "pages-differ",
    "values-missing",
    "values-too-many",
    "required-field-missing",
    "held-by-none",
    "output-missing",
    "output-invalid",
    "backlog-unreadable",
    "sink-missing",
    "sink-stale",
    "sink-left-over",
    "sink-unreadable",
]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that does not agree. `message` says what, and what mends it."""

    kind: Kind
    form_type: str
    path: str
    message: str


@dataclass(slots=True)
class Counts:
    """What was looked at. `pending` documents are no difference: the next run scores them; nor are
    `forgotten` ones, whose file is still as it was. `items` are those of sinks beside SQL, `mended` the
    differences that are none any more."""

    files: int = 0
    documents: int = 0
    pending: int = 0
    forgotten: int = 0
    outputs: int = 0
    items: int = 0
    differences: int = 0
    mended: int = 0


def verify(
    database: Engine,
    storages: Storages,
    rows: Sequence[FormType],
    counts: Counts,
    *,
    ignored: Callable[[str], bool],
) -> Iterator[Difference]:
    """Every difference of these form types, as it is found; `counts` grows meanwhile.

    `ignored` tells files of a backlog that are no documents (labels and layouts beside them).
    """
    for row in rows:
        storage = storages.of(row.secrets.scoring)
        for difference in _Check(database, storage, row, counts, ignored).differences():
            counts.differences += 1
            yield difference


class _Check:
    """One form type. `_seen` has a byte per document id: 1 for those whose file was listed."""

    def __init__(
        self,
        database: Engine,
        storage: Storage,
        row: FormType,
        counts: Counts,
        ignored: Callable[[str], bool],
    ) -> None:
        self._database = database
        self._storage = storage
        self._row = row
        self._counts = counts
        self._ignored = ignored
        self._seen = bytearray(documents.highest_id(database) + 1)
        self._required = documents.required_fields(database, row)

    def differences(self) -> Iterator[Difference]:
        listed = True
        try:
            yield from self._listing()
        except FormpipeError as error:
            listed = False
            yield self._say("backlog-unreadable", self._row.scoring_folder, f"{error} ({error.reason})")
        fields = sorted(set().union(*self._required.values()))
        for page in documents.pages(self._database, self._row.form_type, fields, PAGE):
            for found in page:
                yield from self._document(found, listed)
        for path in documents.held_by_none(self._database, self._row.form_type):
            yield self._say(
                "held-by-none", path, "a run that has ended still holds it: the next run frees it"
            )

    def _say(self, kind: Kind, path: str, message: str) -> Difference:
        return Difference(kind, self._row.form_type, path, message)

    # --- the listing against the database ---------------------------------------------------------

    def _listing(self) -> Iterator[Difference]:
        row = self._row
        blobs = (b for b in self._storage.list(row.scoring_container, row.scoring_folder) if self._counted(b))
        while some := list(islice(blobs, PAGE)):
            yield from self._files(some)

    def _counted(self, blob: Blob) -> bool:
        return not self._ignored(blob.path)

    def _files(self, blobs: Sequence[Blob]) -> Iterator[Difference]:
        by_hash = {path_hash(self._ref(blob)): blob for blob in blobs}
        known = documents.by_hash(self._database, self._row.form_type, list(by_hash))
        buried = documents.forgotten(self._database, self._row.form_type, by_hash.keys() - known.keys())
        self._counts.files += len(by_hash)
        for key, blob in by_hash.items():
            if buried.get(key) == blob.etag:
                self._counts.forgotten += 1
            else:
                yield from self._file(blob, known.get(key))

    def _ref(self, blob: Blob) -> BlobRef:
        return BlobRef(self._storage.account, self._row.scoring_container, blob.path)

    def _file(self, blob: Blob, found: Row[Any] | None) -> Iterator[Difference]:
        if found is None:
            yield self._say("document-missing", blob.path, "the file has no document: the next run lists it")
            return
        if found.id < len(self._seen):
            self._seen[found.id] = 1
        if found.outcome == "gone":
            yield self._say(
                "file-is-back", blob.path, "the document is gone but its file is there: run again"
            )
        elif found.etag != blob.etag:
            yield self._say("change-not-scored", blob.path, "the file changed after it was listed: run again")

    # --- the documents one by one -----------------------------------------------------------------

    def _document(self, found: documents.Checked, listed: bool) -> Iterator[Difference]:
        self._counts.documents += 1
        self._counts.pending += found.stage != "done"
        if listed and found.outcome != "gone" and self._in_backlog(found) and not self._was_listed(found.id):
            yield self._say("file-missing", found.path, "the file of this document is not in the backlog")
        for kind, message in disagreements(found, self._required):
            yield self._say(kind, found.path, message)
        if found.outcome in ("loaded", "partial") and self._row.output_folder is not None:
            yield from self._output(found)

    def _in_backlog(self, found: documents.Checked) -> bool:
        """Documents from elsewhere (a folder the row had before, a router) are not in the listing."""
        row = self._row
        if found.routed_from is not None:
            return False
        return found.container == row.scoring_container and found.path.startswith(row.scoring_folder)

    def _was_listed(self, key: int) -> bool:
        return key >= len(self._seen) or self._seen[key] == 1

    def _output(self, found: documents.Checked) -> Iterator[Difference]:
        row = self._row
        path = output_path(row.output_folder or "", row.scoring_folder, found.path, found.part)
        self._counts.outputs += 1
        try:
            content = self._storage.read(row.scoring_container, path)
        except FormpipeError as error:
            again = "have it written by scoring the document again"
            yield self._say("output-missing", path, f"{error} ({error.reason}): {again}")
            return
        if not _is_json_object(content):
            yield self._say("output-invalid", path, "the output file is no JSON object")


def disagreements(
    found: documents.Checked, required: Mapping[int | None, frozenset[str]]
) -> Iterator[tuple[Kind, str]]:
    """What a document's row, part and values do not agree on. `required`: fields by model version."""
    if found.outcome in ("loaded", "partial") and not found.parts and found.pages != 0:
        yield "part-missing", f"{found.outcome}, but no part of it is stored"
    if found.outcome == "loaded":
        yield from _loaded(found, required.get(found.model_version_id, required[None]))
    never_scored = found.stage != "done" and found.model_version_id is None
    if found.values and (never_scored or found.outcome == "dead"):
        yield "values-too-many", f"values are stored though it is {found.outcome or 'not scored yet'}"


def _loaded(found: documents.Checked, required: frozenset[str]) -> Iterator[tuple[Kind, str]]:
    if not found.pages:
        yield "pages-differ", "loaded, but its number of pages is not recorded"
    elif found.parts and found.pages != found.part_pages:
        yield "pages-differ", f"{found.pages} pages recorded, {found.part_pages} in its parts"
    if not found.values:
        yield "values-missing", "loaded, but without any field value"
        return
    missing = sorted(required - found.fields)
    if missing:
        yield "required-field-missing", f"loaded without required fields: {', '.join(missing)}"


def _is_json_object(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except ValueError:
        return False
