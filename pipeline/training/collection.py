"""Read the documents of a training folder, one at a time: only facts about them are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from pipeline.errors import AttemptError, DocumentError, FormpipeError, RowError
from pipeline.formats.fields_json import fields_from_json, table_fields_from_json
from pipeline.formats.labels_json import LabelsFormat, labels_format, labels_from_json
from pipeline.ports import Storage
from pipeline.reading.content import HEAD_LENGTH, content_type
from pipeline.training.boxes import labels_beside_words, labels_that_differ
from pipeline.training.fingerprint import label_digest
from pipeline.training.layouts import ReadLayout, read_layout
from pipeline.training.listing import Listing, base_name
from pipeline.training.records import TrainingDocument
from pipeline.types import Blob, FieldSpec, Finding, Label

MAX_BYTES = 500 * 1024 * 1024
"""A larger file is no form: 500 MB is also the largest document of the services (S0 tier)."""


@dataclass(slots=True)
class Collected:
    """What was read of a folder. `listed` is None where there is no `fields.json`; a broken document is
    missing from `documents` and named in `findings`."""

    documents: list[TrainingDocument] = field(default_factory=list)
    listed: tuple[FieldSpec, ...] | None = None
    tables: tuple[str, ...] = ()
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Collector:
    """Reads with the strictness of an engine: `paid` makes an error of what a service would charge for."""

    storage: Storage
    container: str
    use_labels: bool
    paid: bool

    def collect(self, listing: Listing) -> Collected:
        """Read every document with its labels and layout, and every `fields.json`."""
        collected = Collected()
        for blob in listing.others:
            try:
                collected.documents.append(self._document(blob, listing, collected.findings))
            except FormpipeError as error:
                collected.findings.append(unusable(blob, error))
        if self.use_labels:
            self._field_lists(listing, collected)
        return collected

    def _document(self, blob: Blob, listing: Listing, findings: list[Finding]) -> TrainingDocument:
        if blob.size > MAX_BYTES:
            raise DocumentError("The file is larger than 500 MB.", reason="file-too-large")
        content = self.storage.read(self.container, blob.path, blob.etag)
        content_type(content[:HEAD_LENGTH])
        digest = sha256(content).hexdigest()
        del content
        read_labels = self._labels(blob, listing, findings) if self.use_labels else None
        labels = None if read_labels is None else read_labels[0]
        read = self.layout(blob, digest, listing, findings)
        if labels and read.layout is not None:
            findings.extend(_beside(blob, labels, read))
        return TrainingDocument(
            blob.path,
            blob.etag,
            blob.size,
            digest,
            labels,
            "" if labels is None else label_digest(labels),
            read.state,
            read.digest,
            read.version,
            read.maker,
            None if read.layout is None else read.layout.page_count,
            "v2" if read_labels is None else read_labels[1],
        )

    def _labels(
        self, blob: Blob, listing: Listing, findings: list[Finding]
    ) -> tuple[tuple[Label, ...], LabelsFormat] | None:
        file = listing.labels.get(blob.path)
        if file is None:
            return None
        content = self.storage.read(self.container, file.path, file.etag)
        try:
            body = _json(content)
            labels, written = labels_from_json(body), labels_format(body)
        except (DocumentError, ValueError, RecursionError) as error:
            findings.append(self._spoilt(file, "labels-unreadable", _labels_message(error)))
            return None
        named = body.get("document", body.get("docName"))
        if isinstance(named, str) and base_name(named) != base_name(blob.path):
            findings.append(_warning("labels-of-other-document", file.path, _OTHER))
        return labels, written

    def layout(self, blob: Blob, digest: str, listing: Listing, findings: list[Finding]) -> ReadLayout:
        """The `.ocr.json` beside a document whose content has this digest."""
        file = listing.layouts.get(blob.path)
        if file is None:
            return ReadLayout("missing")
        read = read_layout(self.storage.read(self.container, file.path, file.etag), digest)
        if read.state == "unreadable":
            findings.append(self._spoilt(file, "layout-unreadable", _LAYOUT))
        return read

    def _field_lists(self, listing: Listing, collected: Collected) -> None:
        """Every `fields.json`, the one nearest to the root first; the first definition of a field wins."""
        specs: dict[str, FieldSpec] = {}
        tables: dict[str, None] = {}
        for file in sorted(listing.fields, key=lambda blob: (blob.path.count("/"), blob.path)):
            try:
                body = self.storage.read(self.container, file.path, file.etag)
                found, found_tables = fields_from_json(body), table_fields_from_json(body)
            except (RowError, AttemptError, DocumentError) as error:
                collected.findings.append(Finding("error", error.reason, file.path, str(error)))
                continue
            collected.findings.extend(_disagreements(specs, found, file))
            specs |= {spec.name: spec for spec in found if spec.name not in specs}
            tables.update(dict.fromkeys(found_tables))
        if listing.fields:
            collected.listed, collected.tables = tuple(specs.values()), tuple(tables)

    def _spoilt(self, file: Blob, code: str, message: str) -> Finding:
        return Finding("error" if self.paid else "warning", code, file.path, message)


_OTHER = "The file says it holds the labels of another document: rename it, or label this form again."
_LAYOUT = "This is no layout of v2.x, the form is left out: mend it, or delete it to have it made."


def _labels_message(error: Exception) -> str:
    why = (
        str(error) if isinstance(error, DocumentError) else "The label file is no JSON: label the form again."
    )
    return f"{why} The form is left out."


def _json(content: bytes) -> Mapping[str, Any]:
    body = json.loads(content.decode("utf-8-sig"))
    if not isinstance(body, dict):
        raise ValueError("not a JSON object")
    return body


def _warning(code: str, subject: str, message: str) -> Finding:
    return Finding("warning", code, subject, message)


def unusable(blob: Blob, error: FormpipeError) -> Finding:
    """What to tell of a document: what cannot be learned from is ignored; what could not be read this time
    keeps the row from training on half a set."""
    if isinstance(error, AttemptError) or error.reason == "blob-gone":
        return Finding("error", error.reason, blob.path, f"{error}. The next run looks again.")
    return _warning(error.reason, blob.path, f"{error} It is ignored.")


def _beside(blob: Blob, labels: tuple[Label, ...], read: ReadLayout) -> Iterator[Finding]:
    assert read.layout is not None
    missed = labels_beside_words(labels, read.layout)
    if missed:
        yield _warning(
            "labels-beside-words",
            blob.path,
            f"Boxes of {', '.join(missed)} touch no word of the page: draw them again.",
        )
    differing = [name for name in labels_that_differ(labels, read.layout) if name not in missed]
    if differing:
        yield _warning(
            "label-text-differs",
            blob.path,
            f"The text of {', '.join(differing)} is not what the words under the boxes say: "
            "look at these labels again.",
        )


def _disagreements(
    known: dict[str, FieldSpec], found: tuple[FieldSpec, ...], file: Blob
) -> Iterator[Finding]:
    for spec in found:
        other = known.get(spec.name)
        if other is not None and (other.type, other.format) != (spec.type, spec.format):
            yield _warning(
                "fields-disagree",
                file.path,
                f"{spec.name} is {spec.type} here and {other.type} in another fields.json, which wins.",
            )
