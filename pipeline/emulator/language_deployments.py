"""Deployments of models of texts: made, published, swapped, deleted (CONTRACTS 4.1, 4.2, 4.4)."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

from starlette.responses import Response

from pipeline.emulator.jobs import TEXTS
from pipeline.emulator.language_models import stored_model
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
    touch,
)
from pipeline.emulator.language_state import DEPLOYMENTS, TextDeployment, TextModel
from pipeline.emulator.routing import Call, answer
from pipeline.emulator.service import EmulatorService
from pipeline.emulator.store import StoredJob
from pipeline.wire.language import encode_jobs, encode_projects
from pipeline.wire.language.server_refusals import not_found, refused
from pipeline.wire.language.server_requests import read_deployment, read_swap, require_name
from pipeline.wire.language.versions import MODEL_TYPES, Version

LONGER = timedelta(days=365)
"""How much longer a deployment can be used than its model can be deployed."""


def deploy(version: Version, call: Call, service: EmulatorService) -> Response:
    """Let a model answer under a name, new or known."""
    name = require_name(call.path["deployment"], "deploymentName")
    model = stored_model(call, service, read_deployment(version, call.json()))
    _require_room(call, service, model.project, name)
    job = new_job(call, service, "deploy", name, project=model.project, deployment=name)
    service.run(job, lambda each: _deploy(each, service, model, name))
    return begun(version, call, f"{model.project}/deployments/{name}/jobs/{job.id}")


def publish(version: Version, call: Call, service: EmulatorService) -> Response:
    """In v1.0-preview.2 a project has one published model, whose id stays the same."""
    model = stored_model(call, service, read_deployment(version, call.json()))
    guid = uuid.uuid5(uuid.NAMESPACE_URL, f"{call.resource}/{model.project}")
    name = f"{guid}_{MODEL_TYPES[model.kind]}_latest"
    job = new_job(call, service, "deploy", name, project=model.project)
    service.run(job, lambda each: _deploy(each, service, model, name, published=True))
    return begun(version, call, f"{model.project}/publish/jobs/{job.id}")


def _require_room(call: Call, service: EmulatorService, project: str, name: str) -> None:
    names = {each.name for each in _named(call, service, project)}
    most = service.tier(TEXTS).deployments
    if name not in names and len(names) >= most:
        raise refused("QuotaExceeded", f"The number of deployments of a project exceeds the limit: {most}.")


def _deploy(
    job: StoredJob, service: EmulatorService, model: TextModel, name: str, *, published: bool = False
) -> None:
    if not service.begin(job):
        return
    now = service.now
    deployment = TextDeployment(
        project=model.project,
        name=name,
        kind=model.kind,
        label=model.label,
        model_id=model.model_id,
        bundle=model.bundle,
        trained_at=model.trained_at,
        deployed_at=now,
        expires_at=model.expires_at + LONGER,
        published=published,
    )
    DEPLOYMENTS.put(service.store, job.resource, deployment)
    touch(service, job.resource, model.project, deployed_at=now)
    service.end(job)


def deployment_status(version: Version, call: Call, service: EmulatorService) -> Response:
    return answer(200, encode_jobs.job(version, job_of(stored_job(call, service, "deploy", "delete"))))


def publication_status(version: Version, call: Call, service: EmulatorService) -> Response:
    job = stored_job(call, service, "deploy")
    return answer(200, encode_jobs.publication(job_of(job), job.model_id))


def get(version: Version, call: Call, service: EmulatorService) -> Response:
    return answer(200, encode_projects.deployment(_stored(call, service, call.path["deployment"]).told))


def every(version: Version, call: Call, service: EmulatorService) -> Response:
    name = stored_project(call, service).name
    entries = [encode_projects.deployment(each.told) for each in _named(call, service, name)]
    return paged(version, call, entries, f"/{name}/deployments")


def delete(version: Version, call: Call, service: EmulatorService) -> Response:
    gone = _stored(call, service, call.path["deployment"])
    job = new_job(call, service, "delete", gone.name, project=gone.project, deployment=gone.name)
    DEPLOYMENTS.delete(service.store, call.resource, gone.project, gone.name)
    service.run(job, lambda each: service.end(each))
    return begun(version, call, f"{gone.project}/deployments/{gone.name}/jobs/{job.id}")


def swap(version: Version, call: Call, service: EmulatorService) -> Response:
    """Each of the two answers with the model of the other."""
    first, second = (_stored(call, service, name) for name in read_swap(call.json()))
    job = new_job(call, service, "swap", first.name, project=first.project)
    service.run(job, lambda each: _swap(each, service, first, second))
    return begun(version, call, f"{first.project}/deployments/swap/jobs/{job.id}")


def _swap(job: StoredJob, service: EmulatorService, first: TextDeployment, second: TextDeployment) -> None:
    if not service.begin(job):
        return
    for one, name in ((first, second.name), (second, first.name)):
        DEPLOYMENTS.put(service.store, job.resource, replace(one, name=name, deployed_at=service.now))
    service.end(job)


def swap_status(version: Version, call: Call, service: EmulatorService) -> Response:
    return answer(200, encode_jobs.job(version, job_of(stored_job(call, service, "swap"))))


# --- parts ------------------------------------------------------------------------------------------


def _named(call: Call, service: EmulatorService, project: str) -> list[TextDeployment]:
    """Those of a project but for what v1.0-preview.2 published."""
    return [each for each in DEPLOYMENTS.of(service.store, call.resource, project) if not each.published]


def _stored(call: Call, service: EmulatorService, name: str) -> TextDeployment:
    project = stored_project(call, service).name
    found = DEPLOYMENTS.get(service.store, call.resource, project, name)
    if found is None or found.published:
        raise not_found("NotFound", "The deployment")
    return found


_NAME = "/{project}/deployments/{deployment}"
_JOB = f"{_NAME}/jobs/{{job}}"

ROUTES = [
    *routes(
        (FIRST,),
        ("deploy", "POST", "/{project}/publish", "manage", publish),
        ("deployment-status", "GET", "/{project}/publish/jobs/{job}", "list", publication_status),
    ),
    *routes(
        (SECOND,),
        ("deploy", "PUT", _NAME, "manage", deploy),
        ("deployment-status", "GET", _JOB, "list", deployment_status),
    ),
    *routes(
        GENERAL,
        ("swap", "POST", "/{project}/deployments/:swap", "manage", swap),
        ("swap-status", "GET", "/{project}/deployments/swap/jobs/{job}", "list", swap_status),
        ("deploy", "PUT", _NAME, "manage", deploy),
        ("deployment-status", "GET", _JOB, "list", deployment_status),
        ("list-deployments", "GET", "/{project}/deployments", "list", every),
        ("get-deployment", "GET", _NAME, "list", get),
        ("delete-deployment", "DELETE", _NAME, "manage", delete),
    ),
]
