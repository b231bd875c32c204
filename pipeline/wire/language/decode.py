"""What the Language service answers -> records (CONTRACTS 4). Members that are unknown, null or missing are
passed over; an answer that makes no sense is a named error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from pipeline.errors import RowError
from pipeline.remote import OperationState, ServiceDeployment, ServiceModel, ServiceOperation
from pipeline.texts import TextEvaluation, TextOutcome
from pipeline.wire.language import decode_evaluation, decode_jobs, decode_projects, decode_results
from pipeline.wire.language.records import Project

Json = Mapping[str, Any]
Read = TypeVar("Read")

_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, RecursionError)


def operation_state(body: Json) -> OperationState:
    """Where a job of authoring or an analysis of texts stands, by the answer to its poll. A text whose result
    cannot be read has a fault (`answer-unreadable`); one of which nothing is told is not among `texts`.

    Raises RowError (`answer-unreadable`).
    """
    with _reading("a job"):
        if isinstance(body.get("tasks"), Mapping):
            return decode_results.analysis_state(body)
        return decode_jobs.job_state(body)


def next_link(body: Json) -> str:
    """The URL of the next page of a list, or of the results of an analysis; empty on the last one."""
    link = body.get("nextLink") or body.get("@nextLink") or ""
    return str(link)


def project(body: Json) -> Project:
    """Raises RowError (`answer-unreadable`)."""
    with _reading("a project"):
        return decode_projects.project(body)


def projects_page(body: Json) -> tuple[Project, ...]:
    """Raises RowError (`answer-unreadable`)."""
    return _listed(body, decode_projects.project, "a list of projects")


def model(body: Json) -> ServiceModel:
    """A trained model: its label is its `model_id`, the service's own id its `name`. Raises RowError
    (`answer-unreadable`)."""
    with _reading("a model"):
        return decode_projects.model(body)


def models_page(body: Json) -> tuple[ServiceModel, ...]:
    """Raises RowError (`answer-unreadable`)."""
    return _listed(body, decode_projects.model, "a list of models")


def deployment(body: Json) -> ServiceDeployment:
    """Raises RowError (`answer-unreadable`)."""
    with _reading("a deployment"):
        return decode_projects.deployment(body)


def deployments_page(body: Json) -> tuple[ServiceDeployment, ...]:
    """Raises RowError (`answer-unreadable`)."""
    return _listed(body, decode_projects.deployment, "a list of deployments")


def trainings_page(body: Json) -> tuple[ServiceOperation, ...]:
    """Trainings of a project, with the label of each as its `model_id`. Raises RowError
    (`answer-unreadable`)."""
    return _listed(body, decode_jobs.training, "a list of jobs")


def evaluation(body: Json) -> TextEvaluation:
    """The summary of an evaluation, without the texts that were predicted wrong. Raises RowError
    (`answer-unreadable`)."""
    with _reading("an evaluation"):
        return decode_evaluation.summary(body)


def outcomes_page(body: Json) -> tuple[TextOutcome, ...]:
    """What was predicted of each text that was held out; of entities the types alone. Raises RowError
    (`answer-unreadable`)."""
    with _reading("the results of an evaluation"):
        return decode_evaluation.outcomes(body)


def _listed(body: Json, read: Callable[[Json], Read], what: str) -> tuple[Read, ...]:
    with _reading(what):
        return tuple(read(item) for item in body.get("value") or body.get("jobs") or ())


@contextmanager
def _reading(what: str) -> Iterator[None]:
    try:
        yield
    except _MALFORMED as error:
        raise RowError(
            f"the service's answer is not {what} of the Language service ({type(error).__name__}): check the "
            "row's endpoint and api_version",
            reason="answer-unreadable",
        ) from None  # what could not be read may be a text
