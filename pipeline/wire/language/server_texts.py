"""Texts that a client sends to be analyzed, read as the Language service reads them, and refused in the words
of its recordings (CONTRACTS 4.3, 4.5, 4.6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast, get_args

from pipeline.texts import IndexType, ProjectKind, TextDocument
from pipeline.wire.language.batches import CHARACTERS, DOCUMENTS, characters
from pipeline.wire.language.records import Task, TextRequest
from pipeline.wire.language.server_refusals import BadRequestError, malformed, refused, wrong
from pipeline.wire.language.server_requests import read_object
from pipeline.wire.language.versions import PROJECT_KINDS, Version

Json = Mapping[str, Any]

_INDEXES = get_args(IndexType)
_GENERAL = {name: kind for kind, name in PROJECT_KINDS.items()}


def read_texts(version: Version, body: object) -> TextRequest:
    """Raises BadRequestError: 400, and 413 for more characters than a request may have."""
    told = read_object(body)
    documents = _documents(read_object(told.get("analysisInput")))
    tasks = tuple(_tasks(version, told.get("tasks")))
    if not tasks:
        raise malformed("tasks is empty")
    return TextRequest(documents, tasks, str(told.get("displayName") or ""))


# --- documents --------------------------------------------------------------------------------------


def _documents(told: Json) -> tuple[TextDocument, ...]:
    stated = told.get("documents")
    if not isinstance(stated, list) or not stated:
        raise refused("MissingInputDocuments", "The request does not contain any documents.")
    documents = tuple(_document(document) for document in stated)
    _require_within_limits(documents)
    _require_different(documents)
    if not any(document.text.strip() for document in documents):
        raise refused("InvalidDocumentBatch", "Document text is empty.")
    return documents


def _document(told: object) -> TextDocument:
    if not isinstance(told, Mapping) or not isinstance(told.get("id"), str | int) or told["id"] == "":
        raise refused("InvalidDocument", "A document has no id.")
    text, language = told.get("text"), told.get("language")
    if text is not None and not isinstance(text, str):
        raise malformed("the text of a document is no string")
    return TextDocument(str(told["id"]), text or "", language if isinstance(language, str) else None)


def _require_different(documents: Sequence[TextDocument]) -> None:
    if len({document.id for document in documents}) < len(documents):
        message = "Request contains duplicated Ids. Make sure each document has a unique Id."
        raise refused("InvalidDocument", message)


def _require_within_limits(documents: Sequence[TextDocument]) -> None:
    """Of a request that is too large and too long the service tells the former."""
    if sum(characters(document.text) for document in documents) > CHARACTERS:
        message = f"Request Payload sent is too large to be processed. Limit request size to: {CHARACTERS}"
        raise refused("InvalidDocumentBatch", message, 413)
    if len(documents) > DOCUMENTS:
        message = f"Batch request contains too many records. Max {DOCUMENTS} records are permitted."
        raise refused("InvalidDocumentBatch", message)


# --- tasks ------------------------------------------------------------------------------------------


def _tasks(version: Version, told: object) -> Iterator[Task]:
    if version.general:
        if not isinstance(told, list):
            raise malformed("tasks is no list")
        for task in told:
            yield _task(version, _kind(read_object(task)), task)
        return
    stated = read_object(told)
    names = {name.lower(): kind for kind, name in version.tasks.items()}
    for name, tasks in stated.items():
        kind = names.get(name.lower())
        if kind is None:
            raise _unknown(name)
        if not isinstance(tasks, list):
            raise malformed(f"{kind} tasks are no list")
        for task in tasks:
            yield _task(version, kind, read_object(task))


def _kind(task: Json) -> ProjectKind:
    name = str(task.get("kind"))
    if name not in _GENERAL:
        raise _unknown(name)
    return _GENERAL[name]


def _unknown(name: str) -> BadRequestError:
    """The service has tasks of other kinds, which the emulator does not do."""
    return refused("NotImplemented", f"The emulator has no task {name[:60]}.", 501)


def _task(version: Version, kind: ProjectKind, told: Json) -> Task:
    parameters = read_object(told.get("parameters") or {})
    index = parameters.get("stringIndexType") or "TextElements_v8"
    if index not in _INDEXES:
        raise wrong("stringIndexType")
    name = str(told.get("taskName") or "")
    units = cast(IndexType, index)
    if not version.deployments:
        return Task(kind, index=units, name=name, model_id=_named(parameters, "modelId"))
    hyphens = not version.general
    project = _named(parameters, "project-name" if hyphens else "projectName")
    deployment = _named(parameters, "deployment-name" if hyphens else "deploymentName")
    return Task(kind, project, deployment, units, name)


def _named(parameters: Json, member: str) -> str:
    value = parameters.get(member)
    if not isinstance(value, str) or not value:
        raise wrong(member)
    return value
