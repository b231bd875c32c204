"""Analyses of texts in the shapes of every runtime (CONTRACTS 4.3, 4.5): v3.1-preview.ct.1, v3.2-preview.2,
and as it became generally available. Offsets are in code points, as every request of ours asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.remote import OperationState, ServiceFault, TextItem
from pipeline.texts import FoundClass, FoundEntity, TextAnswer
from pipeline.wire.document_intelligence.decode_faults import fault, faults
from pipeline.wire.language.decode_jobs import end_of

Json = Mapping[str, Any]

UNREADABLE = "answer-unreadable"
_CLASSES = ("class", "classes", "classification", "classifications")
_DEEPEST = 5
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError)


def analysis_state(body: Json) -> OperationState:
    """One of which every task failed has failed, whatever the job says of itself."""
    tasks = list(_tasks(body["tasks"]))
    end = end_of(body)
    told = (*faults(body.get("errors")), *faults(body.get("error")))
    told += tuple(each for task in tasks for each in _faults_of(task))
    if end == "succeeded" and tasks and all(end_of(task) == "failed" for task in tasks):
        end = "failed"
    texts = tuple(item for task in tasks for item in _items(task.get("results") or {}))
    return OperationState(end, texts=texts if end == "succeeded" else (), faults=tuple(dict.fromkeys(told)))


def _tasks(node: object, depth: int = 0) -> Iterator[Json]:
    """The tasks, wherever they lie: `items`, an array by kind, or one level deeper, as the article of 2021
    shows them."""
    if isinstance(node, list):
        for child in node:
            yield from _tasks(child, depth)
    elif isinstance(node, Mapping) and depth < _DEEPEST:
        if isinstance(node.get("results"), Mapping) or _failed(node):
            yield node
        else:
            for child in node.values():
                yield from _tasks(child, depth + 1)


def _failed(node: Json) -> bool:
    return ("status" in node or "state" in node) and end_of(node) == "failed"


def _faults_of(task: Json) -> tuple[ServiceFault, ...]:
    told = (*faults(task.get("error")), *faults(task.get("errors")))
    if told or not _failed(task):
        return told
    return (ServiceFault(str(task.get("status") or task.get("state")), "The task did not succeed."),)


def _items(results: Json) -> Iterator[TextItem]:
    for document in results.get("documents") or ():
        if document.get("id") is not None:
            yield _item(document)
    for error in results.get("errors") or ():
        if error.get("id") is not None:
            yield TextItem(str(error["id"]), fault=fault(error.get("error") or error))


def _item(document: Json) -> TextItem:
    try:
        answer = TextAnswer(_entities(document), _classes(document))
        return TextItem(str(document["id"]), answer, warnings=faults(document.get("warnings")))
    except _MALFORMED as error:
        told = f"the result of this text cannot be read ({type(error).__name__})"
        return TextItem(str(document["id"]), fault=ServiceFault(UNREADABLE, told))


def _entities(document: Json) -> tuple[FoundEntity, ...]:
    """In the order of the text: the service gives them by type."""
    found = [_entity(entity) for entity in document.get("entities") or ()]
    return tuple(sorted(found, key=lambda entity: (entity.offset, entity.length)))


def _entity(entity: Json) -> FoundEntity:
    offset, length = int(entity["offset"]), int(entity["length"])
    if offset < 0 or length < 0:
        raise ValueError("an entity lies before its text")
    confidence = _confidence(entity.get("confidenceScore"))
    return FoundEntity(str(entity["category"]), str(entity["text"]), offset, length, confidence)


def _classes(document: Json) -> tuple[FoundClass, ...]:
    """Best first; a single class may be there as itself or in a list of one."""
    told = next((document[name] for name in _CLASSES if document.get(name)), ())
    each = [told] if isinstance(told, Mapping) else told
    found = [FoundClass(str(one["category"]), _confidence(one.get("confidenceScore"))) for one in each]
    return tuple(sorted(found, key=lambda one: -one.confidence))


def _confidence(told: object) -> float:
    value = float(told or 0.0)  # type: ignore[arg-type]
    if not 0.0 <= value <= 1.0:
        raise ValueError("a confidence is between 0 and 1")
    return value
