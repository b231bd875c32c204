"""Models of texts: trained one at a time in a project, told, measured, deleted (CONTRACTS 4.1, 4.2, 4.4)."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any, cast

from starlette.responses import Response

from pipeline.emulator import language_state as state
from pipeline.emulator.jobs import TEXTS
from pipeline.emulator.language_routing import (
    FIRST,
    GENERAL,
    SECOND,
    begins,
    begun,
    cancel,
    ended_meanwhile,
    job_of,
    new_job,
    paged,
    routes,
    stored_job,
    stored_project,
    touch,
)
from pipeline.emulator.language_state import DEPLOYMENTS, MODELS, TextModel, TextProjectRecord
from pipeline.emulator.routing import Call, answer
from pipeline.emulator.service import EmulatorService
from pipeline.emulator.store import StoredJob
from pipeline.emulator.text_work import LearnedTexts, Region, TextTrainTask
from pipeline.errors import FormpipeError
from pipeline.remote import ServiceFault
from pipeline.wire.language import encode_evaluation, encode_jobs, encode_projects
from pipeline.wire.language.encode_projects import CONFIG
from pipeline.wire.language.records import EvaluationOptions, TrainingAsked, TrainingJob
from pipeline.wire.language.server_refusals import not_found, refused
from pipeline.wire.language.server_requests import read_training
from pipeline.wire.language.versions import Version

LIVES = timedelta(days=365)
"""How long a model, and what is deployed of it, can be used after its training."""

_FAULTS = {
    "container-unreadable": "The container of the project cannot be read.",
    "container-missing": "The container of the project is not there.",
    "untrainable": "The labelled texts of the project do not make a model.",
}
_beginning = threading.Lock()


# --- training ---------------------------------------------------------------------------------------


def train(version: Version, call: Call, service: EmulatorService) -> Response:
    """One at a time in a project; a label that is there is trained anew."""
    asked = read_training(version, call.json())
    record = stored_project(call, service)
    if record.file is None:
        raise refused("InvalidArgument", "The project has no labelled documents.")
    with _beginning:
        _require_idle(call, service, record.name)
        _require_room(call, service, record.name, asked.label)
        job = new_job(
            call, service, "train", asked.label, project=record.name, config=asked.config,
            options=asdict(asked.options),
        )  # fmt: skip
    service.run(job, lambda each: _train(each, service, record, asked))
    return begun(version, call, f"{record.name}/train/jobs/{job.id}")


def take_up(job: StoredJob, service: EmulatorService) -> None:
    """Go on with what was begun before a restart, on the labels that the project has by now."""
    record = state.project_of(service.store, job.resource, job.details["project"])
    if record is None or record.file is None:
        service.fail(job, ServiceFault("InvalidArgument", "The project is not there any more."))
        return
    options = EvaluationOptions(**job.details["options"])
    asked = TrainingAsked(job.model_id, options, job.details["config"])
    service.go_on_with(job, lambda each: _train(each, service, record, asked))


def _require_idle(call: Call, service: EmulatorService, project: str) -> None:
    if any(job.state in ("notStarted", "running") for job in _trainings(call, service, project)):
        raise refused("Conflict", "A training job is already running in this project.", 409)


def _require_room(call: Call, service: EmulatorService, project: str, label: str) -> None:
    labels = {model.label for model in MODELS.of(service.store, call.resource, project)}
    most = service.tier(TEXTS).models
    if label not in labels and len(labels) >= most:
        raise refused(
            "QuotaExceeded", f"The number of trained models of a project exceeds the limit: {most}."
        )


def _trainings(call: Call, service: EmulatorService, project: str) -> list[StoredJob]:
    return [
        job
        for job in service.store.jobs()
        if (job.resource, job.family, job.kind) == (call.resource, TEXTS, "train")
        and job.details.get("project") == project
    ]


def _train(job: StoredJob, service: EmulatorService, record: TextProjectRecord, asked: TrainingAsked) -> None:
    if not begins(service, job):
        return
    begun_at = service.now
    task = TextTrainTask(
        file=cast(Mapping[str, Any], record.file),
        container=record.project.container,
        containers=service.options.containers,
        options=asked.options,
        bundle=service.store.bundle(job.id),
    )
    try:
        learned = cast(LearnedTexts, service.perform(task, service.options.training_seconds))
    except FormpipeError as error:
        service.end(job, _fault(error))
        return
    if ended_meanwhile(service, job):
        return
    seconds = (service.now - begun_at).total_seconds()
    MODELS.put(service.store, job.resource, _model(job, service, record, asked, learned, seconds))
    touch(service, job.resource, record.name, trained_at=service.now)
    service.end(job)


def _fault(error: FormpipeError) -> ServiceFault:
    told = _FAULTS.get(error.reason, f"The training failed: {error.reason}.")
    return ServiceFault("InvalidArgument" if error.reason in _FAULTS else "InternalServerError", told)


def _model(
    job: StoredJob,
    service: EmulatorService,
    record: TextProjectRecord,
    asked: TrainingAsked,
    learned: LearnedTexts,
    seconds: float,
) -> TextModel:
    now = service.now
    return TextModel(
        project=record.name,
        label=asked.label,
        kind=record.project.kind,
        model_id=f"{asked.label}-{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex}",
        bundle=job.id,
        trained_at=now,
        expires_at=now + LIVES,
        seconds=seconds,
        evaluation=learned.evaluation,
        options=asked.options,
        outcomes=learned.outcomes,
        regions=learned.regions,
    )


def training_status(version: Version, call: Call, service: EmulatorService) -> Response:
    return answer(200, encode_jobs.training(version, _told(stored_job(call, service, "train"))))


def trainings(version: Version, call: Call, service: EmulatorService) -> Response:
    """Those that are not forgotten yet."""
    name = stored_project(call, service).name
    known = [job for job in _trainings(call, service, name) if service.job(call.resource, job.id)]
    entries = encode_jobs.trainings(version, [_told(job) for job in known])
    return paged(version, call, entries, f"/{name}/train/jobs")


def _told(job: StoredJob) -> TrainingJob:
    return TrainingJob(job_of(job), job.model_id, CONFIG, job.updated if job.state == "succeeded" else None)


def cancel_training(version: Version, call: Call, service: EmulatorService) -> Response:
    job = stored_job(call, service, "train")
    cancel(service, job)
    return begun(version, call, f"{call.path['project']}/train/jobs/{job.id}")


# --- models -----------------------------------------------------------------------------------------


def stored_model(call: Call, service: EmulatorService, label: str) -> TextModel:
    """A trained model of the project in the path. Raises BadRequestError (404)."""
    model = MODELS.get(service.store, call.resource, stored_project(call, service).name, label)
    if model is None:
        raise not_found("NotFound", "The trained model")
    return model


def get(version: Version, call: Call, service: EmulatorService) -> Response:
    model = stored_model(call, service, call.path["label"])
    return answer(200, encode_projects.model(version, model.told, model.seconds))


def every(version: Version, call: Call, service: EmulatorService) -> Response:
    name = stored_project(call, service).name
    found = MODELS.of(service.store, call.resource, name)
    entries = [encode_projects.model(version, model.told, model.seconds) for model in found]
    return paged(version, call, entries, f"/{name}/models")


def delete(version: Version, call: Call, service: EmulatorService) -> Response:
    model = stored_model(call, service, call.path["label"])
    deployed = DEPLOYMENTS.of(service.store, call.resource, model.project)
    if any(each.model_id == model.model_id for each in deployed):
        raise refused("InvalidRequest", "The trained model is used by a deployment.")
    MODELS.delete(service.store, call.resource, model.project, model.label)
    return answer(204)


# --- evaluations ------------------------------------------------------------------------------------


def summary(version: Version, call: Call, service: EmulatorService) -> Response:
    model = _measured(stored_model(call, service, call.path["label"]))
    return answer(200, encode_evaluation.summary(model.kind, model.evaluation, model.options))


def results(version: Version, call: Call, service: EmulatorService) -> Response:
    """Text by text. Raises BadRequestError for offsets in units that the service does not tell them in."""
    model = _measured(stored_model(call, service, call.path["label"]))
    if call.query.get("stringIndexType") not in ("Utf16CodeUnit",):
        raise refused("InvalidParameterValue", "stringIndexType is Utf16CodeUnit.")
    language = stored_project(call, service).project.language
    entries = [encode_evaluation.outcome(model.kind, one, language) for one in model.outcomes]
    entries += [_region(region, language) for region in model.regions]
    return paged(version, call, entries, f"/{model.project}/models/{model.label}/evaluation/result")


def first_summary(version: Version, call: Call, service: EmulatorService) -> Response:
    model = _measured(stored_model(call, service, _label(call)))
    return answer(200, encode_evaluation.first_summary(model.kind, model.evaluation))


def first_results(version: Version, call: Call, service: EmulatorService) -> Response:
    model = _measured(stored_model(call, service, _label(call)))
    language = stored_project(call, service).project.language
    return answer(200, encode_evaluation.first_outcomes(model.kind, model.outcomes, language))


def _label(call: Call) -> str:
    return call.query.get("trainingModelName", "")


def _measured(model: TextModel) -> TextModel:
    if not model.evaluation.documents:
        raise not_found("NotFound", "The evaluation of the model")
    return model


def _region(region: Region, language: str) -> dict[str, Any]:
    return encode_evaluation.entities_outcome(
        region.name, language, region.length, region.expected, region.predicted
    )


_JOB = "/{project}/train/jobs/{job}"
_LABEL = "/{project}/models/{label}"

ROUTES = [
    *routes(
        (FIRST,),
        ("train", "POST", "/{project}/train", "manage", train),
        ("training-status", "GET", _JOB, "list", training_status),
        ("evaluation", "GET", "/{project}/evaluation", "list", first_summary),
        ("evaluation-results", "GET", "/{project}/validation", "list", first_results),
    ),
    *routes(
        (SECOND,),
        ("train", "POST", "/{project}/:train", "manage", train),
        ("training-status", "GET", _JOB, "list", training_status),
    ),
    *routes(
        GENERAL,
        ("train", "POST", "/{project}/:train", "manage", train),
        ("list-trainings", "GET", "/{project}/train/jobs", "list", trainings),
        ("training-status", "GET", _JOB, "list", training_status),
        ("cancel-training", "POST", f"{_JOB}/:cancel", "manage", cancel_training),
        ("list-models", "GET", "/{project}/models", "list", every),
        ("get-model", "GET", _LABEL, "list", get),
        ("delete-model", "DELETE", _LABEL, "manage", delete),
        ("evaluation", "GET", f"{_LABEL}/evaluation/summary-result", "list", summary),
        ("evaluation-results", "GET", f"{_LABEL}/evaluation/result", "list", results),
    ),
]
