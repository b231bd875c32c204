"""What the routes of the Language service have in common: the version of a call, its refusals, jobs, pages of
lists (CONTRACTS 4)."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from pipeline.emulator import language_state as state
from pipeline.emulator.jobs import TEXTS, kept
from pipeline.emulator.language_state import TextProjectRecord
from pipeline.emulator.routing import Call, Handler, Route, answer
from pipeline.emulator.service import EmulatorService
from pipeline.emulator.store import JobKind, StoredJob
from pipeline.remote import ServiceFault
from pipeline.rest.limits import OperationClass
from pipeline.wire.language import encode_projects
from pipeline.wire.language.encode_faults import refusal
from pipeline.wire.language.records import Job, Status
from pipeline.wire.language.server_refusals import BadRequestError, not_found, wrong
from pipeline.wire.language.versions import VERSIONS, Version

Json = dict[str, Any]
Versioned = Callable[[Version, Call, EmulatorService], Response]

FIRST, SECOND = VERSIONS["v1.0-preview.2"], VERSIONS["2021-11-01-preview"]
GENERAL = (VERSIONS["2022-05-01"], VERSIONS["2023-04-01"])
CANCELLED = "cancelled"

_MOST_OF_A_PAGE = 100


def routes(
    versions: Sequence[Version], *told: tuple[str, str, str, OperationClass, Versioned]
) -> list[Route]:
    """Routes of authoring, below a version's projects."""
    base = f"{versions[0].authoring}/projects"
    return [
        Route(name, method, f"{base}{path}", kind, answered(versions, handler))
        for name, method, path, kind, handler in told
    ]


def answered(versions: Sequence[Version], handler: Versioned, *, in_path: bool = False) -> Handler:
    """The handler, given the version of the call; what it refuses is told in the service's words. `in_path`:
    there is one version, and the path names it."""

    @functools.wraps(handler)
    def handle(call: Call, service: EmulatorService) -> Response:
        try:
            return handler(versions[0] if in_path else _version(call, versions), call, service)
        except BadRequestError as error:
            headers = {"x-ms-error-code": error.fault.code}
            return answer(error.status, refusal(error.fault), headers)

    return handle


def _version(call: Call, versions: Sequence[Version]) -> Version:
    """By the path, or the query. Raises BadRequestError."""
    if not versions[0].params:
        return versions[0]
    name = call.query.get("api-version", "")
    version = next((each for each in versions if each.name == name), None)
    if version is None:
        raise wrong("api-version", f"{name or 'none'} is not supported here")
    return version


# --- projects ---------------------------------------------------------------------------------------


def stored_project(call: Call, service: EmulatorService) -> TextProjectRecord:
    """The project in the path. Raises BadRequestError (404)."""
    record = state.project_of(service.store, call.resource, call.path["project"])
    if record is None:
        raise not_found("ProjectNotFound", "The project")
    return record


def touch(service: EmulatorService, resource: str, name: str, **dates: Any) -> None:
    """Note when a project was trained or deployed, where it is still there."""
    record = state.project_of(service.store, resource, name)
    if record is not None:
        project = replace(record.project, **dates)
        state.put_project(service.store, resource, replace(record, project=project))


# --- jobs -------------------------------------------------------------------------------------------


def new_job(call: Call, service: EmulatorService, kind: JobKind, subject: str, **details: Any) -> StoredJob:
    """A job of authoring, under an id as the service makes them."""
    ticks = 621_355_968_000_000_000 + int(service.now.timestamp()) * 10_000_000
    job_id = f"{uuid.uuid4()}_{ticks}"
    return service.new_job(call.resource, kind, TEXTS, subject, job_id, **details)


def stored_job(call: Call, service: EmulatorService, *kinds: JobKind) -> StoredJob:
    """The job in the path, of the project and deployment in the path. Raises BadRequestError (404)."""
    job = service.job(call.resource, call.path["job"], *kinds)
    named = all(
        job is not None and job.details.get(name) in (None, call.path[name])
        for name in ("project", "deployment")
        if name in call.path
    )
    if job is None or job.family != TEXTS or not named:
        raise not_found("OperationNotFound", "The job")
    return job


def job_of(stored: StoredJob) -> Job:
    faults = (stored.fault,) if stored.fault and not cancelled(stored) else ()
    expires = stored.created + kept(stored)
    return Job(stored.id, status_of(stored), stored.created, stored.updated, expires, faults)


def status_of(stored: StoredJob) -> Status:
    return CANCELLED if cancelled(stored) else stored.state  # type: ignore[return-value]


def cancelled(stored: StoredJob) -> bool:
    return bool(stored.details.get(CANCELLED))


def cancel(service: EmulatorService, job: StoredJob) -> None:
    """End a job that goes on. Raises BadRequestError for one that has ended, in the words of a recording."""
    if job.state in ("succeeded", "failed"):
        message = f"Failed to cancel job with job id {job.id} as its already completed."
        raise BadRequestError(ServiceFault("InvalidRequest", message))
    service.end(job, ServiceFault("Cancelled", "The job was cancelled."), cancelled=True)


def begins(service: EmulatorService, job: StoredJob) -> bool:
    """Mark a job as running, unless it was cancelled before or while it waited."""
    return not ended_meanwhile(service, job) and service.begin(job) and not ended_meanwhile(service, job)


def ended_meanwhile(service: EmulatorService, job: StoredJob) -> bool:
    """Whether somebody cancelled a job while it was worked on."""
    stored = service.store.job(job.id)
    return stored is None or cancelled(stored)


# --- answers ----------------------------------------------------------------------------------------


def begun(version: Version, call: Call, path: str) -> Response:
    """Where to ask how it goes: the previews say so in another header."""
    query = "".join(f"?{name}={value}" for name, value in version.params.items())
    url = f"{call.endpoint}{version.authoring}/projects/{path}{query}"
    return answer(202, None, {"operation-location" if version.general else "location": url})


def paged(version: Version, call: Call, entries: Sequence[Json], path: str) -> Response:
    """A page of a list, by `top`, `skip` and `maxpagesize`. `path` is that of the list below the projects.
    Raises BadRequestError."""
    skip, top = _number(call.query, "skip", 0), _number(call.query, "top", len(entries))
    size = min(_number(call.query, "maxpagesize", _MOST_OF_A_PAGE), _MOST_OF_A_PAGE) or 1
    wanted = list(entries)[skip : skip + top]
    link = None
    if len(wanted) > size:
        more = f"top={top - size}&skip={skip + size}&maxpagesize={size}"
        place = f"{call.endpoint}{version.authoring}/projects{path}"
        link = f"{place}?api-version={version.name}&{more}"
    return answer(200, encode_projects.page(wanted[:size], link))


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    told = query.get(name, "")
    if told and not told.isdigit():
        raise wrong(name)
    return int(told) if told else default
