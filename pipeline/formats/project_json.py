"""Project files of the Language service (custom entities, custom text classification) <-> `TextProject`.

Three shapes are read: GA (2022-05-01, 2023-04-01: `projectFileVersion`, categories), the import body of
2021-11-01-preview (`api-version`, `extractors` or `classifiers`, names), and the tags file of
v1.0-preview.2, which is the `assets` of the latter alone. The GA shape is written, and that of the preview.
Offsets count from the start of the document, not of its region, in the units of `stringIndexType`.

Source: learn.microsoft.com, language-service, `custom-named-entity-recognition/concepts/data-formats` and
`custom-text-classification/concepts/data-formats`, of 2021-11 and 2022-06; import examples of the API.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from pipeline.errors import RowError
from pipeline.texts import Dataset, IndexType, LabelledSpan, ProjectDocument, TextKind, TextProject
from pipeline.types import Finding

FILE_VERSION = "2022-05-01"
PREVIEW = "2021-11-01-preview"

_KINDS: Mapping[str, tuple[TextKind, bool]] = {
    "customentityrecognition": ("entities", False),
    "extraction": ("entities", False),
    "customsinglelabelclassification": ("classes", False),
    "singleclassification": ("classes", False),
    "custommultilabelclassification": ("classes", True),
    "multiclassification": ("classes", True),
}
_LISTS: Mapping[str, TextKind] = {
    "entities": "entities", "extractors": "entities", "classes": "classes", "classifiers": "classes",
}  # fmt: skip
_PROJECT_KINDS = {
    ("entities", False): ("CustomEntityRecognition", "Extraction"),
    ("classes", False): ("CustomSingleLabelClassification", "SingleClassification"),
    ("classes", True): ("CustomMultiLabelClassification", "MultiClassification"),
}
_CATEGORY_KEYS = ("category", "extractorName", "classifierName", "name")


class _BadError(ValueError):
    """What is wrong with one document or label, in words for a person."""


@dataclass(slots=True)
class _Notes:
    """Findings as they are met."""

    found: list[Finding] = field(default_factory=list)

    def add(self, code: str, subject: str, message: str) -> None:
        self.found.append(Finding("warning", code, subject, message))


# --- reading --------------------------------------------------------------------------------------


def project_from_json(body: bytes | str | Mapping[str, Any]) -> tuple[TextProject, tuple[Finding, ...]]:
    """The project in a file's content, or in its decoded object, and what is wrong with single documents and
    labels of it: those are left out.

    Raises RowError: `project-unreadable` where it is no project file at all, `project-kind-unknown` for
    projects of another kind (conversations, healthcare).
    """
    try:
        decoded = _decoded(body)
        return _project(decoded)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        told = str(error) if isinstance(error, _BadError) else type(error).__name__
        raise RowError(
            f"This is no project file of the Language service ({told}): export the project again, or put "
            "its categories and documents under `assets`.",
            reason="project-unreadable",
        ) from error


def holds_project(body: bytes) -> bool:
    """Whether a file's content is a project file, whatever the file is called. Raises json.JSONDecodeError,
    UnicodeDecodeError and RecursionError for what is no JSON."""
    decoded = json.loads(body)
    return isinstance(decoded, Mapping) and _assets(decoded) is not None


def _decoded(body: bytes | str | Mapping[str, Any]) -> Mapping[str, Any]:
    decoded = json.loads(body) if isinstance(body, bytes | str) else body
    if not isinstance(decoded, Mapping):
        raise _BadError("not a JSON object")
    return decoded


def _assets(decoded: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The part with categories and documents, None where there is none."""
    for part in (decoded.get("assets"), decoded):
        if isinstance(part, Mapping) and isinstance(part.get("documents"), list):
            told = isinstance(decoded.get("metadata"), Mapping) and _declared(decoded, part) is not None
            if told or any(isinstance(part.get(name), list) for name in _LISTS):
                return part
    return None


def _declared(decoded: Mapping[str, Any], assets: Mapping[str, Any]) -> str | None:
    """The kind as the file names it."""
    metadata = decoded.get("metadata") or {}
    for told in (metadata.get("projectKind"), metadata.get("modelType"), assets.get("projectKind")):
        if isinstance(told, str) and told:
            return told
    return None


def _project(decoded: Mapping[str, Any]) -> tuple[TextProject, tuple[Finding, ...]]:
    assets = _assets(decoded)
    if assets is None:
        raise _BadError("no list of documents with a list of entities or classes beside it")
    kind, multi_label = _kind(decoded, assets)
    notes = _Notes()
    categories = _categories(assets, kind, notes)
    reader = _DocumentReader(kind, multi_label, categories, notes)
    documents = tuple(reader.documents(assets["documents"]))
    metadata = decoded.get("metadata") or {}
    project = TextProject(
        kind,
        tuple(categories),
        documents,
        multi_label=multi_label,
        index_type=_index_type(decoded.get("stringIndexType")),
        name=_text(metadata, "projectName", "name"),
        language=_text(metadata, "language") or None,
        multilingual=bool(metadata.get("multilingual", metadata.get("multiLingual", False))),
        container=_text(metadata, "storageInputContainerName"),
    )
    return project, tuple(notes.found)


def _kind(decoded: Mapping[str, Any], assets: Mapping[str, Any]) -> tuple[TextKind, bool]:
    declared = _declared(decoded, assets)
    if declared is not None:
        if declared.lower() not in _KINDS:
            raise RowError(
                f"Projects of kind {declared} are not trained here: use custom entity recognition, or custom "
                "single or multi label classification.",
                reason="project-kind-unknown",
            )
        return _KINDS[declared.lower()]
    kind = next(kind for name, kind in _LISTS.items() if isinstance(assets.get(name), list))
    return kind, kind == "classes" and any(map(_has_several, assets["documents"]))


def _has_several(document: Any) -> bool:
    """Whether a document of a file that does not tell its kind has more or less than one class."""
    classes = document.get("classifiers", document.get("classes")) if isinstance(document, Mapping) else None
    return isinstance(classes, list) and len(classes) > 1


def _categories(assets: Mapping[str, Any], kind: TextKind, notes: _Notes) -> dict[str, None]:
    """The categories in their order, each once."""
    names = [name for name, of in _LISTS.items() if of == kind and isinstance(assets.get(name), list)]
    categories: dict[str, None] = {}
    for number, entry in enumerate(assets[names[0]] if names else (), 1):
        try:
            categories[_category(entry)] = None
        except _BadError as error:
            notes.add("category-unusable", f"{names[0]}[{number}]", f"Category {number} {error}: name it.")
    return categories


def _index_type(told: Any) -> IndexType:
    """The units of the offsets; the service counts UTF-16 code units where a file does not say."""
    if told is None:
        return "Utf16CodeUnit"
    for index_type in get_args(IndexType):
        if isinstance(told, str) and told.lower() == index_type.lower():
            return index_type  # type: ignore[no-any-return]
    raise _BadError("`stringIndexType` is none of " + ", ".join(get_args(IndexType)))


def _text(metadata: Mapping[str, Any], *keys: str) -> str:
    return next((metadata[key] for key in keys if isinstance(metadata.get(key), str)), "")


def _category(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        raise _BadError("is not an object")
    for key in _CATEGORY_KEYS:
        name = entry.get(key)
        if isinstance(name, str) and name:
            return name
    raise _BadError("has no category")


def _count(entry: Mapping[str, Any], key: str) -> int:
    number = entry.get(key)
    if isinstance(number, bool) or not isinstance(number, int):
        raise _BadError(f"has no whole number as {key}")
    return number


@dataclass(frozen=True, slots=True)
class _DocumentReader:
    """Reads the documents of one project; what is wrong with one of them or a label is noted and left out."""

    kind: TextKind
    multi_label: bool
    categories: Mapping[str, None]
    notes: _Notes

    def documents(self, entries: Iterable[Any]) -> Iterable[ProjectDocument]:
        seen: set[str] = set()
        for number, entry in enumerate(entries, 1):
            location = entry.get("location") if isinstance(entry, Mapping) else None
            if not isinstance(location, str) or not location:
                message = f"Document {number} of the project file has no location: write its path there."
                self.notes.add("document-without-location", f"documents[{number}]", message)
            elif location in seen:
                message = (
                    "The project file has this document twice: the second is left out; join their labels."
                )
                self.notes.add("document-repeated", location, message)
            else:
                seen.add(location)
                yield self._document(location, entry)

    def _document(self, location: str, entry: Mapping[str, Any]) -> ProjectDocument:
        language = entry.get("language")
        entities = self.kind == "entities"
        spans = tuple(self._spans(location, entry)) if entities else ()
        if entities and not spans:
            message = (
                "No entity is labelled in it, so it teaches that it has none: label it, or leave it out."
            )
            self.notes.add("document-without-entities", location, message)
        return ProjectDocument(
            location,
            language if isinstance(language, str) and language else None,
            self._dataset(location, entry.get("dataset")),
            spans,
            () if entities else self._classes(location, entry),
        )

    def _dataset(self, location: str, told: Any) -> Dataset | None:
        if told is None or told == "":
            return None
        if isinstance(told, str) and told.lower() in ("train", "test"):
            return "train" if told.lower() == "train" else "test"
        self.notes.add(
            "dataset-unknown", location, "Its dataset is neither Train nor Test: write one of them."
        )
        return None

    def _spans(self, location: str, entry: Mapping[str, Any]) -> Iterable[LabelledSpan]:
        number = 0
        for region in self._list(location, entry, "entities", "extractors"):
            if not isinstance(region, Mapping):
                self.notes.add(
                    "region-unusable", location, "A region of it is not an object: label it again."
                )
                continue
            for label in self._list(location, region, "labels"):
                number += 1
                try:
                    yield self._span(label)
                except _BadError as error:
                    self._unusable(location, number, error)

    def _span(self, label: Any) -> LabelledSpan:
        return LabelledSpan(self._known(label), _count(label, "offset"), _count(label, "length"))

    def _known(self, entry: Any) -> str:
        category = _category(entry)
        if category not in self.categories:
            raise _BadError(f"is of the category {category!r}, which the project does not list")
        return category

    def _classes(self, location: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
        one = entry.get("class")
        given = [one] if one is not None else self._list(location, entry, "classes", "classifiers")
        classes: dict[str, None] = {}
        for number, label in enumerate(given, 1):
            try:
                classes[self._known(label)] = None
            except _BadError as error:
                self._unusable(location, number, error)
        if self.multi_label or len(classes) == 1:
            return tuple(classes)
        told = "has no class" if not classes else f"has {len(classes)} classes, and this project gives one"
        self.notes.add("document-without-class", location, f"It {told}: it is not trained on; give it one.")
        return ()

    def _unusable(self, location: str, number: int, error: _BadError) -> None:
        message = (
            f"Label {number} {error}: it is left out; mend the project file or label the document again."
        )
        self.notes.add("label-unusable", location, message)

    def _list(self, location: str, entry: Mapping[str, Any], *keys: str) -> list[Any]:
        for key in keys:
            if isinstance(entry.get(key), list):
                return list(entry[key])
            if entry.get(key) is not None:
                self.notes.add("labels-unusable", location, f"Its `{key}` is not a list: label it again.")
        return []


# --- writing --------------------------------------------------------------------------------------


def project_to_json(project: TextProject, lengths: Mapping[str, int] | None = None) -> dict[str, Any]:
    """The project in the GA shape, as a file and as the body of `:import` have it.

    `lengths`: the length of each document's text by its location, in the units of the project; of one that
    is not told, the region ends with its last entity.
    """
    kind, _ = _PROJECT_KINDS[project.kind, project.multi_label]
    metadata = {
        "projectKind": kind,
        "storageInputContainerName": project.container,
        "settings": {},
        "projectName": project.name,
        "multilingual": project.multilingual,
        "description": "",
        "language": project.language or "en",
    }
    listed = "entities" if project.kind == "entities" else "classes"
    return {
        "projectFileVersion": FILE_VERSION,
        "stringIndexType": project.index_type,
        "metadata": metadata,
        "assets": {
            "projectKind": kind,
            listed: [{"category": category} for category in project.categories],
            "documents": [_document_ga(project, document, lengths or {}) for document in project.documents],
        },
    }


def project_to_preview_json(project: TextProject, lengths: Mapping[str, int] | None = None) -> dict[str, Any]:
    """The project as the body of `:import` in 2021-11-01-preview; its `assets` alone are the tags file of
    v1.0-preview.2. Offsets must be UTF-16 code units: these shapes know no others. They know no `dataset`."""
    if project.index_type != "Utf16CodeUnit":
        raise ValueError(f"offsets in {project.index_type} cannot be told in this shape")
    listed = "extractors" if project.kind == "entities" else "classifiers"
    metadata = {
        "name": project.name,
        "multiLingual": project.multilingual,
        "description": "",
        "modelType": _PROJECT_KINDS[project.kind, project.multi_label][1],
        "language": project.language or "en-us",
        "storageInputContainerName": project.container,
        "settings": {},
    }
    documents = [_document_preview(project, document, lengths or {}) for document in project.documents]
    names = [{"name": category} for category in project.categories]
    return {"api-version": PREVIEW, "metadata": metadata, "assets": {listed: names, "documents": documents}}


def _document_ga(
    project: TextProject, document: ProjectDocument, lengths: Mapping[str, int]
) -> dict[str, Any]:
    written = _head(project, document)
    if document.dataset:
        written["dataset"] = document.dataset.capitalize()
    if project.kind == "entities":
        written["entities"] = _regions(document, lengths, "category")
    elif project.multi_label:
        written["classes"] = [{"category": name} for name in document.classes]
    elif document.classes:
        written["class"] = {"category": document.classes[0]}
    return written


def _document_preview(
    project: TextProject, document: ProjectDocument, lengths: Mapping[str, int]
) -> dict[str, Any]:
    written = _head(project, document)
    if project.kind == "entities":
        written["extractors"] = _regions(document, lengths, "extractorName")
    else:
        written["classifiers"] = [{"classifierName": name} for name in document.classes]
    return written


def _head(project: TextProject, document: ProjectDocument) -> dict[str, Any]:
    return {"location": document.location, "language": document.language or project.language or "en-us"}


def _regions(document: ProjectDocument, lengths: Mapping[str, int], key: str) -> list[dict[str, Any]]:
    end = max((span.offset + span.length for span in document.spans), default=0)
    labels = [{key: span.category, "offset": span.offset, "length": span.length} for span in document.spans]
    return [
        {"regionOffset": 0, "regionLength": lengths.get(document.location, end), "labels": labels},
    ]
