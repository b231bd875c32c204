"""Texts that are sent to be analyzed: taken, asked of deployed models, told page by page
(CONTRACTS 4.3, 4.5)."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

from pydantic import TypeAdapter
from starlette.responses import Response

from pipeline.emulator.jobs import TEXTS
from pipeline.emulator.language_routing import (
    FIRST,
    GENERAL,
    SECOND,
    Versioned,
    answered,
    begins,
    cancel,
    ended_meanwhile,
    job_of,
    stored_job,
)
from pipeline.emulator.language_state import DEPLOYMENTS, TextDeployment, project_of
from pipeline.emulator.routing import Call, Route, answer
from pipeline.emulator.service import EmulatorService
from pipeline.emulator.store import StoredJob
from pipeline.emulator.text_work import TextTask
from pipeline.errors import FormpipeError
from pipeline.formats.offsets import offsets
from pipeline.remote import ServiceFault, TextItem
from pipeline.rest.limits import OperationClass
from pipeline.texts import FoundEntity, IndexType, TextAnswer, TextDocument
from pipeline.wire.language import encode_results
from pipeline.wire.language.encode_results import TaskResult
from pipeline.wire.language.records import Task
from pipeline.wire.language.server_refusals import not_found, refused, wrong
from pipeline.wire.language.server_texts import read_texts
from pipeline.wire.language.versions import Version

_EMPTY = ServiceFault("InvalidDocument", "Document text is empty.")
_PAGE, _MOST_OF_A_PAGE = 20, 50
_RESULTS: TypeAdapter[list[TaskResult]] = TypeAdapter(list[TaskResult])
_DOCUMENTS: TypeAdapter[tuple[TextDocument, ...]] = TypeAdapter(tuple[TextDocument, ...])
_TASKS: TypeAdapter[tuple[Task, ...]] = TypeAdapter(tuple[Task, ...])


# --- texts are taken --------------------------------------------------------------------------------


def submit(version: Version, call: Call, service: EmulatorService) -> Response:
    asked = read_texts(version, call.json())
    deployed = [_deployed(call, service, task) for task in asked.tasks]
    tasks = [_named(task, number) for number, task in enumerate(asked.tasks)]
    job = service.new_job(
        call.resource, "analyze", TEXTS, deployed[0].label, str(uuid.uuid4()),
        tasks=_TASKS.dump_python(tuple(tasks), mode="json"),
        bundles=[deployment.bundle for deployment in deployed],
        name=asked.display_name,
        version=version.name,
    )  # fmt: skip
    service.store.input(job.id).write_bytes(_DOCUMENTS.dump_json(asked.documents))
    service.run(job, lambda each: _analyze(each, service))
    return _begun(version, call, job)


def take_up(job: StoredJob, service: EmulatorService) -> None:
    """Go on with what was begun before a restart."""
    if service.store.input(job.id).exists():
        service.go_on_with(job, lambda each: _analyze(each, service))
    else:
        service.fail(job, ServiceFault("InternalServerError", "The emulator was restarted."))


def _named(task: Task, number: int) -> Task:
    return task if task.name else replace(task, name=str(number))


def _deployed(call: Call, service: EmulatorService, task: Task) -> TextDeployment:
    """What a task is asked of. Raises BadRequestError (400, 404)."""
    if task.model_id:
        every = DEPLOYMENTS.every(service.store, call.resource)
        found = next((each for each in every if each.published and each.name == task.model_id), None)
    else:
        if project_of(service.store, call.resource, task.project) is None:
            raise not_found("ProjectNotFound", "The project")
        found = DEPLOYMENTS.get(service.store, call.resource, task.project, task.deployment)
    if found is None:
        raise not_found("NotFound", "The deployment")
    if found.kind != task.kind:
        raise refused("InvalidArgument", "The deployment is of a project of another kind than the task.")
    if found.expires_at < service.now:
        raise refused("InvalidArgument", "The deployment has expired: train and deploy the model again.")
    return found


def _begun(version: Version, call: Call, job: StoredJob) -> Response:
    return answer(202, None, {"operation-location": f"{call.endpoint}{_path(version, job)}{_query(version)}"})


def _path(version: Version, job: StoredJob) -> str:
    return f"{version.analyze}/{job.id}" if version.general else f"{version.analyze}/jobs/{job.id}"


def _query(version: Version) -> str:
    return f"?api-version={version.name}" if version.general else ""


# --- and asked of models ----------------------------------------------------------------------------


def _analyze(job: StoredJob, service: EmulatorService) -> None:
    if not begins(service, job):
        return
    documents = _DOCUMENTS.validate_json(service.store.input(job.id).read_bytes())
    sizes = {document.id: len(document.text) for document in documents}
    results = []
    try:
        for task, bundle in zip(_tasks(job), job.details["bundles"], strict=True):
            items = tuple(_items(service, documents, task, bundle))
            results.append(TaskResult(task, "succeeded", service.now, items, sizes=sizes))
    except FormpipeError as error:
        service.end(job, ServiceFault("InternalServerError", f"An unexpected error: {error.reason}."))
        return
    if not ended_meanwhile(service, job):
        service.end(job, results=_RESULTS.dump_python(results, mode="json"))


def _tasks(job: StoredJob) -> tuple[Task, ...]:
    return _TASKS.validate_python(job.details["tasks"])


def _items(
    service: EmulatorService, documents: Sequence[TextDocument], task: Task, bundle: str
) -> Iterator[TextItem]:
    """In the order of the documents; of an empty one an error."""
    there = [document for document in documents if document.text.strip()]
    asked = TextTask(bundle, task.kind == "entities", tuple(one.text for one in there))
    found = cast(tuple[TextAnswer, ...], service.perform(asked, service.options.document_seconds))
    answers = {document.id: said for document, said in zip(there, found, strict=True)}
    for document in documents:
        said = answers.get(document.id)
        if said is None:
            yield TextItem(document.id, fault=_EMPTY)
        else:
            yield TextItem(document.id, _counted(said, document.text, task.index))


def _counted(said: TextAnswer, text: str, index: IndexType) -> TextAnswer:
    """With its offsets in the units that were asked for."""
    if not said.entities:
        return said
    count = offsets(text, index)

    def told(entity: FoundEntity) -> FoundEntity:
        offset, length = count.units(entity.offset, entity.length)
        return replace(entity, offset=offset, length=length)

    return replace(said, entities=tuple(map(told, said.entities)))


# --- results ----------------------------------------------------------------------------------------


def status(version: Version, call: Call, service: EmulatorService) -> Response:
    """A page of the texts of each task. Raises BadRequestError (404 after a day)."""
    job = _stored(version, call, service)
    top, skip = _number(version, call, "top", _PAGE), _number(version, call, "skip", 0)
    if not 1 <= top <= _MOST_OF_A_PAGE:
        raise wrong("top")
    statistics = call.query.get("showStats", "").lower() == "true"
    whole = _results(job)
    pages = [_page(result, skip, top, statistics=statistics) for result in whole]
    more = any(len(result.items) > skip + top for result in whole)
    link = _next(version, call, job, top, skip + top) if more else ""
    return answer(200, encode_results.analysis(version, job_of(job), job.details["name"], pages, link))


def _stored(version: Version, call: Call, service: EmulatorService) -> StoredJob:
    """A job is asked for where it was begun."""
    job = stored_job(call, service, "analyze")
    begun_at = job.details["version"]
    if begun_at != version.name and not (version.general and begun_at in (one.name for one in GENERAL)):
        raise not_found("OperationNotFound", "The job")
    return job


def _results(job: StoredJob) -> list[TaskResult]:
    if job.state == "succeeded":
        return _RESULTS.validate_python(job.details["results"])
    told = job_of(job).status
    faults = (job.fault,) if job.fault else ()
    return [TaskResult(task, told, job.updated, faults=faults) for task in _tasks(job)]


def _page(result: TaskResult, skip: int, top: int, *, statistics: bool) -> TaskResult:
    sizes = result.sizes if statistics else None
    return replace(result, items=result.items[skip : skip + top], sizes=sizes)


def _next(version: Version, call: Call, job: StoredJob, top: int, skip: int) -> str:
    mark = "" if version.general else "$"
    shown = f"&showStats={call.query['showStats']}" if "showStats" in call.query else ""
    query = _query(version) or "?"
    told = f"{query}&{mark}skip={skip}&{mark}top={top}{shown}".replace("?&", "?")
    return f"{call.endpoint}{_path(version, job)}{told}"


def _number(version: Version, call: Call, name: str, default: int) -> int:
    told = call.query.get(name if version.general else f"${name}", "")
    if told and not told.isdigit():
        raise wrong(name)
    return int(told) if told else default


def cancel_analysis(version: Version, call: Call, service: EmulatorService) -> Response:
    job = _stored(version, call, service)
    cancel(service, job)
    return _begun(version, call, job)


# --- routes -----------------------------------------------------------------------------------------


def _route(
    versions: Sequence[Version], name: str, method: str, path: str, kind: OperationClass, handler: Versioned
) -> Route:
    serve = answered(versions, handler, in_path=not versions[0].general)
    return Route(name, method, f"{versions[0].analyze}{path}", kind, serve)


_first, _second, _general = (
    functools.partial(_route, versions) for versions in ((FIRST,), (SECOND,), GENERAL)
)

ROUTES = [
    *(
        route
        for make in (_first, _second)
        for route in (
            make("analyze", "POST", "", "analyze", submit),
            make("analyze-result", "GET", "/jobs/{job}", "get", status),
        )
    ),
    _general("analyze", "POST", "", "analyze", submit),
    _general("analyze-result", "GET", "/{job}", "get", status),
    _general("cancel-analysis", "POST", "/{job}:cancel", "analyze", cancel_analysis),
]
