"""What differs between the versions of Document Intelligence on the wire (OpenAPI files of each version)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Version:
    """One version. `classifier_compose`: a composed model chooses its component by a classifier (4.0);
    `document_kind`: pages say that they are of a document (3.0 on the wire); `features`: what can be added
    to a reading; `model_extras`, `content_format`: members that models and results have since 4.0."""

    name: str
    base: str = "/formrecognizer"
    expires: bool = False
    neural_builds: bool = False
    classifiers: bool = False
    batches: bool = False
    classifier_compose: bool = False
    deletes_results: bool = False
    model_extras: bool = False
    content_format: bool = False
    document_kind: bool = False
    features: frozenset[str] = frozenset()


_FEATURES = frozenset(
    ("ocrHighResolution", "languages", "barcodes", "formulas", "keyValuePairs", "styleFont")
)

_ALL = (
    Version("2022-08-31", document_kind=True),
    Version("2023-07-31", expires=True, neural_builds=True, classifiers=True, features=_FEATURES),
    Version(
        "2024-11-30",
        base="/documentintelligence",
        expires=True,
        classifiers=True,
        batches=True,
        classifier_compose=True,
        deletes_results=True,
        model_extras=True,
        content_format=True,
        features=_FEATURES | {"queryFields"},
    ),
)

VERSIONS: Mapping[str, Version] = MappingProxyType({version.name: version for version in _ALL})

RETIRED: Mapping[str, date] = MappingProxyType(
    {
        "2023-10-31-preview": date(2026, 6, 30),
        "2024-02-29-preview": date(2026, 6, 30),
        "2024-07-31-preview": date(2026, 6, 30),
    }
)
"""Versions that are spoken nowhere any more, by their last day (CONTRACTS 7)."""
