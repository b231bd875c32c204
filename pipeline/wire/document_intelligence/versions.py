"""What differs between the versions of Document Intelligence on the wire (OpenAPI files of each version)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Version:
    """One version. `classifier_compose`: a composed model chooses its component by a classifier (4.0)."""

    name: str
    base: str = "/formrecognizer"
    expires: bool = False
    neural_builds: bool = False
    classifiers: bool = False
    batches: bool = False
    classifier_compose: bool = False
    deletes_results: bool = False


_ALL = (
    Version("2022-08-31"),
    Version("2023-07-31", expires=True, neural_builds=True, classifiers=True),
    Version(
        "2024-11-30",
        base="/documentintelligence",
        expires=True,
        classifiers=True,
        batches=True,
        classifier_compose=True,
        deletes_results=True,
    ),
)

VERSIONS: Mapping[str, Version] = MappingProxyType({version.name: version for version in _ALL})
