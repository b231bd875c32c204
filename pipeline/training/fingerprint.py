"""One hash over everything a model is made from. Equal fingerprints: training again is pointless."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from pipeline.texts import IndexType, ProjectDocument
from pipeline.training.records import TrainingDocument
from pipeline.types import FieldSpec, Label, LabelRegion

_SCHEME = 1
"""Raised when the meaning of a fingerprint changes; every model is then trained again once."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What beside the documents decides what a model becomes. `members`: the form types of the group."""

    members: tuple[str, ...]
    engine: str
    api_version: str | None
    model_kind: str
    use_labels: bool


def fingerprint(documents: Iterable[TrainingDocument], fields: Iterable[FieldSpec], terms: Terms) -> str:
    """SHA-256 over documents, labels, field schema, members, engine and version, and the user's own layouts
    where the engine learns from them.

    The order of documents and fields, the names of documents, and what only matters after extraction
    (`required`, `min_confidence`, `column`) make no difference.
    """
    body = {
        "scheme": _SCHEME,
        "documents": sorted(_document(document, terms) for document in documents),
        "fields": sorted([spec.name, spec.type, spec.format, spec.locale or ""] for spec in fields),
        "members": sorted(terms.members),
        "engine": [terms.engine, terms.api_version or "", terms.model_kind],
        "use_labels": terms.use_labels,
    }
    return _hash(body)


def label_digest(labels: Sequence[Label]) -> str:
    """SHA-256 of the labels of one form, whatever the format and order they were written in."""
    return _hash(sorted([label.field, label.text, list(map(_region, label.regions))] for label in labels))


def text_label_digest(document: ProjectDocument, index_type: IndexType) -> str:
    """SHA-256 of the labels of one text and of what it is marked for, in whatever order they were written."""
    spans = sorted([span.category, span.offset, span.length] for span in document.spans)
    return _hash([index_type if spans else "", spans, sorted(document.classes), document.dataset or ""])


def _document(document: TrainingDocument, terms: Terms) -> list[str]:
    """A service derives layouts from the documents; the local engine also learns from the user's own."""
    labels = document.label_digest if terms.use_labels else ""
    return [document.digest, labels, document.layout_digest if terms.engine == "local" else ""]


def _region(region: LabelRegion) -> list[object]:
    return [region.page, region.text, [repr(number) for number in region.polygon or ()]]


def _hash(body: object) -> str:
    return sha256(json.dumps(body, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
