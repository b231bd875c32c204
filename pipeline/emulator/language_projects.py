"""Projects of texts: made, imported, told, deleted (CONTRACTS 4.1, 4.2, 4.4)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from pipeline.emulator import language_state as state
from pipeline.emulator.language_routing import (
    FIRST,
    GENERAL,
    SECOND,
    begun,
    job_of,
    new_job,
    paged,
    routes,
    stored_job,
    stored_project,
)
from pipeline.emulator.language_state import TextProjectRecord
from pipeline.emulator.routing import Call, answer
from pipeline.emulator.service import EmulatorService
from pipeline.emulator.store import StoredJob
from pipeline.emulator.text_work import container_of
from pipeline.errors import FormpipeError
from pipeline.formats.project_json import project_from_json
from pipeline.remote import ServiceFault
from pipeline.wire.language import encode_jobs, encode_projects
from pipeline.wire.language.records import Project
from pipeline.wire.language.server_refusals import refused
from pipeline.wire.language.server_requests import read_import, read_project, require_name
from pipeline.wire.language.versions import Version

_MOST = 500
"""Projects of a resource (CONTRACTS 4.6)."""


def patch(version: Version, call: Call, service: EmulatorService) -> Response:
    """Make a project, or change it; its kind stays what it was."""
    told = read_project(version, call.json(), require_name(call.path["project"], "projectName"))
    known = state.project_of(service.store, call.resource, told.name)
    if known is not None and known.project.kind != told.kind:
        raise refused("InvalidArgument", "The kind of a project cannot be changed.")
    record = _put(call, service, told, known.file if known else None)
    return answer(200 if known else 201, encode_projects.project(version, record.project))


def create(version: Version, call: Call, service: EmulatorService) -> Response:
    """In v1.0-preview.2, with the labels that lie in its container."""
    told = read_project(version, call.json())
    if state.project_of(service.store, call.resource, told.name) is not None:
        raise refused("Conflict", "There is a project of that name.", 409)
    record = _put(call, service, told, _labels(service, told))
    return answer(201, encode_projects.project(version, record.project))


def _labels(service: EmulatorService, project: Project) -> dict[str, Any]:
    """Raises BadRequestError where they cannot be read."""
    try:
        storage = container_of(service.options.containers, project.container)
        content = storage.read(project.container, project.labels)
        project_from_json(content)
    except FormpipeError as error:
        raise refused(
            "InvalidArgument", f"The labels of the project cannot be read: {error.reason}."
        ) from None
    found: dict[str, Any] = json.loads(content)
    return found


def get(version: Version, call: Call, service: EmulatorService) -> Response:
    return answer(200, encode_projects.project(version, stored_project(call, service).project))


def every(version: Version, call: Call, service: EmulatorService) -> Response:
    records = state.projects_of(service.store, call.resource)
    return paged(version, call, [encode_projects.project(version, each.project) for each in records], "")


def start_import(version: Version, call: Call, service: EmulatorService) -> Response:
    """Make the project of a file, or replace its labels; whatever was trained stays."""
    name = require_name(call.path["project"], "projectName")
    told, file = read_import(version, call.json(), name)
    job = new_job(call, service, "import", name, project=name)
    service.run(job, lambda each: _import(each, call, service, told, dict(file)))
    return begun(version, call, f"{name}/import/jobs/{job.id}")


def _import(
    job: StoredJob, call: Call, service: EmulatorService, told: Project, file: dict[str, Any]
) -> None:
    if not service.begin(job):
        return
    try:
        project_from_json(file)
    except FormpipeError as error:
        service.end(job, ServiceFault("InvalidArgument", f"The project file is not valid: {error.reason}."))
        return
    _put(call, service, told, file)
    service.end(job)


def import_status(version: Version, call: Call, service: EmulatorService) -> Response:
    return answer(200, encode_jobs.job(version, job_of(stored_job(call, service, "import"))))


def delete(version: Version, call: Call, service: EmulatorService) -> Response:
    record = stored_project(call, service)
    job = new_job(call, service, "delete", record.name)
    state.delete_project(service.store, call.resource, record.name)
    service.run(job, lambda each: service.end(each))
    if not version.general:
        return answer(204)
    return begun(version, call, f"global/deletion-jobs/{job.id}")


def deletion_status(version: Version, call: Call, service: EmulatorService) -> Response:
    return answer(200, encode_jobs.job(version, job_of(stored_job(call, service, "delete"))))


def _put(
    call: Call, service: EmulatorService, told: Project, file: dict[str, Any] | None
) -> TextProjectRecord:
    """Keep a project, with the dates that it has. Raises BadRequestError where there are too many."""
    known = state.project_of(service.store, call.resource, told.name)
    if known is None and len(state.projects_of(service.store, call.resource)) >= _MOST:
        raise refused("QuotaExceeded", f"A resource has {_MOST} projects at most.")
    dated = replace(
        told,
        created_at=known.project.created_at if known else service.now,
        modified_at=service.now,
        trained_at=known.project.trained_at if known else None,
        deployed_at=known.project.deployed_at if known else None,
    )
    record = TextProjectRecord(dated, file)
    state.put_project(service.store, call.resource, record)
    return record


ROUTES = [
    *routes(
        (FIRST,),
        ("create-project", "POST", "", "manage", create),
        ("delete-project", "DELETE", "/{project}", "manage", delete),
    ),
    *routes(
        (SECOND,),
        ("import", "POST", "/{project}/:import", "manage", start_import),
        ("import-status", "GET", "/{project}/import/jobs/{job}", "list", import_status),
    ),
    *routes(
        GENERAL,
        ("deletion-status", "GET", "/global/deletion-jobs/{job}", "list", deletion_status),
        ("list-projects", "GET", "", "list", every),
        ("create-project", "PATCH", "/{project}", "manage", patch),
        ("get-project", "GET", "/{project}", "list", get),
        ("delete-project", "DELETE", "/{project}", "manage", delete),
        ("import", "POST", "/{project}/:import", "manage", start_import),
        ("import-status", "GET", "/{project}/import/jobs/{job}", "list", import_status),
    ),
]
