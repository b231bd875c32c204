"""Jobs of authoring as each version tells them (CONTRACTS 4.1, 4.2, 4.4), from records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pipeline.wire.language.encode_faults import failure
from pipeline.wire.language.records import Job, Status, TrainingJob
from pipeline.wire.language.versions import Version

Json = dict[str, Any]


def moment(time: datetime) -> str:
    """To the second, as jobs and projects are dated."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def fine_moment(time: datetime) -> str:
    """To the seventh digit, as tasks are dated."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def job(version: Version, told: Job) -> Json:
    """An import, a deployment, a swap, a deletion."""
    if version.family == "jobs":
        return _in_a_list(told, {})
    return _envelope(told) | _errors(told)


def training(version: Version, told: TrainingJob) -> Json:
    if version.family == "tasks":
        return _with_tasks(told.job, _first_training(told))
    if version.family == "jobs":
        return _in_a_list(told.job, {"result": _second_result(told)})
    return {"result": _result(told)} | _envelope(told.job) | _errors(told.job)


def trainings(version: Version, told: Sequence[TrainingJob]) -> list[Json]:
    """The entries of the list of trainings (2022-05-01 on)."""
    return [training(version, one) for one in told]


def publication(told: Job, model_id: str) -> Json:
    """The job that publishes a model in v1.0-preview.2."""
    task = {"modelId": model_id, "status": told.status, "lastUpdatedDateTime": moment(told.updated_at)}
    return _with_tasks(told, task)


# --- envelopes --------------------------------------------------------------------------------------


def _envelope(told: Job) -> Json:
    return {
        "jobId": told.id,
        "createdDateTime": moment(told.created_at),
        "lastUpdatedDateTime": moment(told.updated_at),
        "expirationDateTime": moment(told.expires_at),
        "status": told.status,
    }


def _errors(told: Job) -> Json:
    """Only where there are any."""
    return {"errors": [failure(fault) for fault in told.faults]} if told.faults else {}


def _in_a_list(told: Job, more: Json) -> Json:
    """2021-11-01-preview tells of one job in a list of jobs."""
    errors = [failure(fault) for fault in told.faults]
    return {"jobs": [more | _envelope(told) | {"errors": errors}], "nextLink": None}


def _with_tasks(told: Job, task: Json) -> Json:
    counts = {"inProgress": 0, "completed": 0, "failed": 0, "total": 1}
    counts[
        {"succeeded": "completed", "failed": "failed", "cancelled": "failed"}.get(told.status, "inProgress")
    ] = 1
    errors = [failure(fault) for fault in told.faults]
    error = {"error": errors[0]} if errors else {}
    return {"tasks": [task | error]} | counts | _envelope(told) | {"errors": errors}


# --- trainings --------------------------------------------------------------------------------------


def _first_training(told: TrainingJob) -> Json:
    updated = moment(told.job.updated_at)
    return {
        "trainingModelName": told.label,
        "evaluationStatus": {"status": told.job.status, "lastUpdatedDateTime": updated},
        "status": told.job.status,
        "lastUpdatedDateTime": updated,
    }


def _second_result(told: TrainingJob) -> Json:
    took = told.job.updated_at - told.job.created_at
    status = {"percentComplete": _percent(told.job.status), "elapsedTime": str(took)}
    return {"trainedModelLabel": told.label, "trainStatus": status, "evaluationStatus": dict(status)}


def _result(told: TrainingJob) -> Json:
    job, between = told.job, told.trained_at or told.job.updated_at
    return {
        "modelLabel": told.label,
        "trainingConfigVersion": told.config,
        "trainingStatus": _phase(job.status, job.created_at, between),
        "evaluationStatus": _phase(job.status, between, job.updated_at),
    }


def _phase(status: Status, begun: datetime, ended: datetime) -> Json:
    if status == "notStarted":
        return {"percentComplete": 0, "status": status}
    phase: Json = {"percentComplete": _percent(status), "startDateTime": fine_moment(begun)}
    if status not in ("running", "cancelling"):
        phase["endDateTime"] = fine_moment(ended)
    return phase | {"status": status}


def _percent(status: Status) -> int:
    return 100 if status == "succeeded" else 0
