"""Jobs of authoring in the shapes of every version (CONTRACTS 4.1, 4.2, 4.4): an envelope of tasks, a list of
one job, a job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.remote import OperationEnd, OperationState, ServiceFault, ServiceModel, ServiceOperation
from pipeline.wire.document_intelligence.decode_faults import faults
from pipeline.wire.stamps import stamp

Json = Mapping[str, Any]

_ENDS: Mapping[str, OperationEnd] = {
    "succeeded": "succeeded",
    "completed": "succeeded",
    "partiallycompleted": "succeeded",
    "partiallysucceeded": "succeeded",
    "failed": "failed",
    "rejected": "failed",
    "canceled": "failed",
    "cancelled": "failed",
    "expired": "failed",
}
_LABELS = ("modelLabel", "trainedModelLabel")


def end_of(body: Json) -> OperationEnd:
    """By `status`, or `state` as recordings have it. What is no known end means that work still goes on."""
    return _ENDS.get(str(body.get("status") or body.get("state") or "").lower(), "running")


def job_state(body: Json) -> OperationState:
    """A job whose task failed has failed, whatever it says of itself; an evaluation that did not work is a
    warning."""
    job = _job(body)
    tasks = [task for task in job.get("tasks") or () if isinstance(task, Mapping)]
    end = end_of(job)
    if end == "succeeded" and any(end_of(task) == "failed" for task in tasks):
        end = "failed"
    told = (*faults(job.get("errors")), *faults(job.get("error")), *_of_tasks(tasks))
    warned = faults(job.get("warnings"))
    if end == "succeeded":
        warned += _of_evaluations(job, tasks)
    return OperationState(end, model=_model(job, tasks, end), faults=_each_once((*told, *warned)))


def training(body: Json) -> ServiceOperation:
    """A training as it is listed."""
    state = job_state(body)
    return ServiceOperation(
        operation_id=str(body["jobId"]),
        kind="train",
        end=state.end,
        model_id=state.model.model_id if state.model else "",
        created_at=stamp(body.get("createdDateTime")),
    )


def _job(body: Json) -> Json:
    """The job itself, in a list of one in 2021-11-01-preview."""
    jobs = body.get("jobs")
    if not isinstance(jobs, list):
        if not any(name in body for name in ("jobId", "status", "tasks")):
            raise ValueError("no job")
        return body
    job: Json = jobs[0]
    return job


def _model(job: Json, tasks: Iterable[Json], end: OperationEnd) -> ServiceModel | None:
    """What a training or a publication makes. A published model has the id that texts are sent to."""
    result = job.get("result")
    told = [result] if isinstance(result, Mapping) else list(tasks)
    for one in told:
        label = next((str(one[name]) for name in _LABELS if one.get(name)), "")
        label = label or str(one.get("modelId") or one.get("trainingModelName") or "")
        if label:
            return ServiceModel(
                label,
                state={"succeeded": "ready", "failed": "invalid", "running": "creating"}[end],  # type: ignore[arg-type]
                created_at=stamp(job.get("createdDateTime")),
                updated_at=stamp(job.get("lastUpdatedDateTime")),
            )
    return None


def _of_tasks(tasks: Iterable[Json]) -> tuple[ServiceFault, ...]:
    return tuple(each for task in tasks for each in (*faults(task.get("error")), *faults(task.get("errors"))))


def _of_evaluations(job: Json, tasks: Iterable[Json]) -> tuple[ServiceFault, ...]:
    result = job.get("result")
    told = [*tasks, *([result] if isinstance(result, Mapping) else [])]
    statuses = (one.get("evaluationStatus") for one in told)
    evaluations = [status for status in statuses if isinstance(status, Mapping)]
    return tuple(
        each
        for one in evaluations
        for each in (*faults(one.get("error")), *faults(one.get("errors")), *_unevaluated(one))
    )


def _unevaluated(evaluation: Json) -> tuple[ServiceFault, ...]:
    if end_of(evaluation) != "failed" or evaluation.get("error") or evaluation.get("errors"):
        return ()
    return (ServiceFault("EvaluationFailed", "The model was trained and not evaluated."),)


def _each_once(told: Iterable[ServiceFault]) -> tuple[ServiceFault, ...]:
    return tuple(dict.fromkeys(told))
