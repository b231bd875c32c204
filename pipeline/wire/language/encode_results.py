"""Analyses of texts as each runtime tells them (CONTRACTS 4.1, 4.3, 4.5), from records. Offsets of
entities are those that the request asked for: whoever calls has converted them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.remote import ServiceFault, TextItem
from pipeline.texts import FoundClass, FoundEntity, ProjectKind, TextAnswer
from pipeline.wire.language.encode_faults import failure, text_error
from pipeline.wire.language.encode_jobs import fine_moment, moment
from pipeline.wire.language.records import Job, Status, Task
from pipeline.wire.language.versions import Version

Json = dict[str, Any]

TEXT_RECORD = 1000
"""Characters that are charged as one transaction."""


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How a task stands. `sizes`: characters of the texts by id, where statistics are asked for."""

    task: Task
    status: Status
    updated_at: datetime
    items: tuple[TextItem, ...] = ()
    faults: tuple[ServiceFault, ...] = ()
    sizes: Mapping[str, int] | None = None


def analysis(
    version: Version, job: Job, display_name: str, tasks: Sequence[TaskResult], next_link: str = ""
) -> Json:
    updated = "lastUpdatedDateTime" if version.general else "lastUpdateDateTime"
    named = {"displayName": display_name} if display_name else {}
    body: Json = {
        "jobId": job.id,
        updated: moment(job.updated_at),
        "createdDateTime": moment(job.created_at),
        "expirationDateTime": moment(job.expires_at),
        "status": job.status,
        "errors": [failure(fault) for fault in job.faults],
    }
    link = {"nextLink" if version.general else "@nextLink": next_link} if next_link else {}
    return body | named | {"tasks": _tasks(version, tasks)} | link


def _tasks(version: Version, tasks: Sequence[TaskResult]) -> Json:
    """Counts, and the tasks that ended: in one list, or in one of each kind."""
    ended = [one for one in tasks if one.status in ("succeeded", "failed", "cancelled")]
    failed = sum(one.status != "succeeded" for one in ended)
    body: Json = {
        "completed": len(ended) - failed,
        "failed": failed,
        "inProgress": len(tasks) - len(ended),
        "total": len(tasks),
    }
    if version.general:
        return body | {"items": [_item(version, one) for one in ended]}
    for one in ended:
        body.setdefault(version.tasks[one.task.kind], []).append(_item(version, one))
    return body


def _item(version: Version, told: TaskResult) -> Json:
    kind = {"kind": f"{version.tasks[told.task.kind]}LROResults"} if version.general else {}
    named = {"taskName": told.task.name} if told.task.name else {}
    item: Json = {"lastUpdateDateTime": fine_moment(told.updated_at), "status": told.status}
    if told.faults:
        item["error"] = failure(told.faults[0])
    results = {"results": _results(version, told)} if told.status == "succeeded" else {}
    return kind | named | item | results


def _results(version: Version, told: TaskResult) -> Json:
    good = [(item, item.answer) for item in told.items if item.answer is not None]
    bad = [text_error(item.document_id, item.fault) for item in told.items if item.fault is not None]
    statistics = {} if told.sizes is None else {"statistics": _statistics(told, len(good))}
    documents = [_document(version, told, item.document_id, answer) for item, answer in good]
    named = {"projectName": told.task.project, "deploymentName": told.task.deployment}
    return statistics | {"documents": documents, "errors": bad} | (named if version.deployments else {})


def _statistics(told: TaskResult, good: int) -> Json:
    sizes = told.sizes or {}
    return {
        "documentsCount": len(told.items),
        "validDocumentsCount": good,
        "erroneousDocumentsCount": len(told.items) - good,
        "transactionsCount": sum(_transactions(sizes.get(item.document_id, 0)) for item in told.items),
    }


def _transactions(size: int) -> int:
    return max(1, -(-size // TEXT_RECORD))


def _document(version: Version, told: TaskResult, document_id: str, answer: TextAnswer) -> Json:
    size = None if told.sizes is None else told.sizes.get(document_id, 0)
    counted = {} if size is None else {"charactersCount": size, "transactionsCount": _transactions(size)}
    statistics = {"statistics": counted} if counted else {}
    return {"id": document_id} | _answer(version, told.task.kind, answer) | statistics | {"warnings": []}


def _answer(version: Version, kind: ProjectKind, answer: TextAnswer) -> Json:
    """Classes under the name that the version has for them."""
    if kind == "entities":
        return {"entities": [_entity(entity) for entity in answer.entities]}
    classes = [_class(one) for one in answer.classes]
    if kind == "single":
        classes = classes[:1]
    if version.general:
        return {"class": classes}
    if not version.deployments:
        return {"classes": classes}
    return {"classification": classes[0]} if kind == "single" else {"classifications": classes}


def _entity(entity: FoundEntity) -> Json:
    return {
        "text": entity.text,
        "category": entity.category,
        "offset": entity.offset,
        "length": entity.length,
        "confidenceScore": _told(entity.confidence),
    }


def _class(found: FoundClass) -> Json:
    return {"category": found.category, "confidenceScore": _told(found.confidence)}


def _told(confidence: float) -> float:
    """To two digits, as the service tells it."""
    return round(confidence, 2)
