"""The Language service as an engine of texts: custom entities and custom text classification, in every
version of authoring with the runtime that was published beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from pipeline.engines import language_refusals as refused
from pipeline.engines import polls
from pipeline.engines.language_refusals import refusals
from pipeline.errors import AttemptError, FormpipeError, RowError
from pipeline.remote import Operation, OperationState, ServiceDeployment, ServiceModel, TextItem
from pipeline.rest.client import Answer, ServiceClient
from pipeline.rest.errors import RefusedError
from pipeline.texts import ProjectKind, TextDocument, TextEvaluation
from pipeline.wire.language import decode, decode_evaluation, requests
from pipeline.wire.language.records import EvaluationOptions
from pipeline.wire.language.requests import Call
from pipeline.wire.language.versions import VERSIONS, Version

NAME = "language"
_NAME = re.compile(r"(?!\.+$)[A-Za-z0-9_.-]{1,50}")
_MOST_PAGES = 1000


class LanguageEngine:
    """One resource, spoken to in one version. Satisfies `ports.TextService`."""

    def __init__(self, client: ServiceClient, api_version: str) -> None:
        """Raises RowError (`version-unknown`)."""
        if api_version not in VERSIONS:
            known = ", ".join(VERSIONS)
            raise RowError(
                f"the Language service has no version {api_version!r}: {known}", reason="version-unknown"
            )
        self._client = client
        self._version: Version = VERSIONS[api_version]

    # --- projects and models ------------------------------------------------------------------------

    def submit_import(self, project: str, file: Mapping[str, Any], *, labels: str = "") -> str:
        require_names(project)
        with refusals(refused.of_an_import):
            if self._version.family != "tasks":
                return self._submit(requests.import_project(self._version, project, file))
            made = decode.project({**(file.get("metadata") or {}), "projectName": project})
            self._request(requests.create_project(self._version, replace(made, labels=labels)))
            return ""

    def submit_training(self, project: str, label: str, *, manual: bool = False) -> str:
        require_names(project, label)
        begun = self._begun(project, label) if self._version.general else ""
        if begun:
            return begun
        call = requests.train(self._version, project, label, EvaluationOptions(manual))
        with refusals(refused.of_a_training):
            return self._submit(call)

    def model(self, project: str, label: str) -> ServiceModel:
        require_names(project, label)
        self._require_general("tell of a model")
        call = requests.get_model(self._version, project, label)
        return decode.model(self._told(call, refused.of_a_model))

    def models(self, project: str) -> Iterator[ServiceModel]:
        require_names(project)
        self._require_general("list models")
        for page in self._pages(requests.list_models(self._version, project), refused.of_a_project):
            yield from decode.models_page(page)

    def delete_model(self, project: str, label: str) -> None:
        require_names(project, label)
        self._require_general("delete models")
        self._delete(requests.delete_model(self._version, project, label), refused.of_a_model)

    def delete_project(self, project: str) -> None:
        require_names(project)
        self._delete(requests.delete_project(self._version, project), refused.of_a_project)

    def evaluation(self, project: str, label: str) -> TextEvaluation:
        require_names(project, label)
        version, meaning = self._version, refused.of_an_evaluation
        summary = decode.evaluation(self._told(requests.evaluation(version, project, label), meaning))
        pages = self._pages(requests.evaluation_details(version, project, label), meaning)
        outcomes = [outcome for page in pages for outcome in decode.outcomes_page(page)]
        return decode_evaluation.with_outcomes(summary, outcomes)

    # --- deployments --------------------------------------------------------------------------------

    def submit_deployment(self, project: str, deployment: str, label: str) -> str:
        require_names(project, label, *([deployment] if self._version.deployments else []))
        with refusals(refused.of_a_deployment):
            return self._submit(requests.deploy(self._version, project, deployment, label))

    def deployments(self, project: str) -> Iterator[ServiceDeployment]:
        require_names(project)
        self._require_general("list deployments")
        for page in self._pages(requests.list_deployments(self._version, project), refused.of_a_project):
            yield from decode.deployments_page(page)

    def submit_swap(self, project: str, first: str, second: str) -> str:
        require_names(project, first, second)
        self._require_general("swap deployments")
        with refusals(refused.of_a_swap):
            return self._submit(requests.swap(self._version, project, first, second))

    def delete_deployment(self, project: str, deployment: str) -> None:
        require_names(project, deployment)
        self._require_general("delete deployments")
        self._delete(requests.delete_deployment(self._version, project, deployment), refused.of_a_swap)

    # --- texts --------------------------------------------------------------------------------------

    def submit_texts(
        self, project: str, deployment: str, kind: ProjectKind, documents: Sequence[TextDocument]
    ) -> str:
        with refusals(refused.of_texts):
            return self._submit(requests.analyze(self._version, project, deployment, kind, documents))

    def poll(self, operation: Operation) -> OperationState:
        """Raises RowError (`answer-unreadable`) beside what the port names; an answer that is no JSON, a
        result without texts, or a refusal of this one poll ends the attempt alone."""
        texts = requests.is_analysis(operation.url)
        answer, body = self._asked(operation.url, texts)
        state = decode.operation_state(body)
        if texts and state.end == "succeeded":
            state = replace(state, texts=(*state.texts, *self._further(body)))
            if not state.texts:
                raise AttemptError(
                    "the service says it is done but gives no result", reason="answer-unreadable"
                )
        return replace(state, seconds=polls.seconds_asked(answer), body=answer.body)

    def _asked(self, url: str, texts: bool) -> tuple[Answer, dict[str, Any]]:
        """Authoring and prediction are counted apart: a poll is a call of its own kind."""
        with refusals(polls.refused):
            answer = self._client.request("GET", url, operation_class="get" if texts else "list")
        return answer, polls.body_of(answer)

    def _further(self, body: Mapping[str, Any]) -> Iterator[TextItem]:
        """The texts on the further pages of a result: the service puts twenty on one."""
        seen: set[str] = set()
        while (link := decode.next_link(body)) and link not in seen and len(seen) < _MOST_PAGES:
            seen.add(link)
            body = self._asked(link, texts=True)[1]
            yield from decode.operation_state(body).texts

    # --- sending ------------------------------------------------------------------------------------

    def _begun(self, project: str, label: str) -> str:
        """Where to ask for the end of a training of this label that runs, or whose model is there."""
        call = requests.list_trainings(self._version, project)
        for page in self._pages(call, refused.of_a_training):
            for training in decode.trainings_page(page):
                if training.model_id != label or training.end == "failed":
                    continue
                if training.end == "running" or self._is_there(project, label):
                    path = f"{call.path}/{quote(training.operation_id, safe='')}"
                    return f"{self._client.endpoint}{path}?api-version={self._version.name}"
        return ""

    def _is_there(self, project: str, label: str) -> bool:
        try:
            self._request(requests.get_model(self._version, project, label))
        except RefusedError as error:
            if refused.gone_already(error):
                return False
            raise refused.of_a_model(error) from None
        return True

    def _pages(
        self, call: Call, meaning: Callable[[RefusedError], FormpipeError]
    ) -> Iterator[dict[str, Any]]:
        with refusals(meaning):
            yield from self._client.pages(call.path, params=call.params, next_link=_next)

    def _told(self, call: Call, meaning: Callable[[RefusedError], FormpipeError]) -> dict[str, Any]:
        with refusals(meaning):
            body = self._request(call).json()
        if not isinstance(body, dict):
            raise RowError(
                "the service's answer is not a JSON object: check the row's endpoint and api_version",
                reason="answer-unreadable",
            )
        return body

    def _delete(self, call: Call, meaning: Callable[[RefusedError], FormpipeError]) -> None:
        try:
            self._request(call)
        except RefusedError as error:
            if not refused.gone_already(error):
                raise meaning(error) from None

    def _submit(self, call: Call) -> str:
        return self._client.submit(call.method, call.path, **_arguments(call))

    def _request(self, call: Call) -> Answer:
        return self._client.request(call.method, call.path, **_arguments(call))

    def _require_general(self, what: str) -> None:
        if not self._version.general:
            raise RowError(
                f"the Language service {self._version.name} was never documented to {what}: "
                "use a later version",
                reason="operation-unknown",
            )


def require_names(*names: str) -> None:
    """Raises RowError (`name-unusable`) for what the service takes as no name of a project, model or
    deployment."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise RowError(
                f"{name[:60]!r} is no name for the Language service: 1 to 50 letters, digits, '_', '.', '-'",
                reason="name-unusable",
            )


def _next(page: Mapping[str, Any]) -> str | None:
    return decode.next_link(page) or None


def _arguments(call: Call) -> dict[str, Any]:
    """The call in the words of the client."""
    told: dict[str, Any] = {"operation_class": call.operation_class, "params": call.params, "json": call.json}
    if call.json is None:
        return told
    return told | {"headers": {"Content-Type": call.content_type}}
