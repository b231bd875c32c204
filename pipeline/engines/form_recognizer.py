"""Form Recognizer v2.0-preview to v2.1 as an engine: each call of `ports.RemoteEngine`, and copy and compose.

v2.0-preview is the feedback loop of October 2019 where training, layout and analysis are asked for; its
models are got, listed and deleted as the public preview did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from pipeline.engines import form_recognizer_refusals as refused
from pipeline.engines import polls
from pipeline.engines.form_recognizer_refusals import refusals
from pipeline.errors import DocumentError, RowError
from pipeline.remote import (
    CopyAuthorization,
    ModelQuota,
    Operation,
    OperationState,
    ServiceModel,
    StagedDocument,
    TrainingRequest,
)
from pipeline.rest.client import Answer, ServiceClient
from pipeline.rest.errors import RefusedError
from pipeline.services import load_services
from pipeline.wire.form_recognizer import decode, requests
from pipeline.wire.form_recognizer.requests import AS_A_WHOLE, Call, CopyTarget, ReadingOptions, Source
from pipeline.wire.form_recognizer.versions import VERSIONS

NAME = "form-recognizer"
_TRAININGS = ("train", "compose")
_READINGS = ("analyze", "layout")


class FormRecognizerEngine:
    """One resource, spoken to in one version. Satisfies `ports.RemoteEngine`."""

    def __init__(self, client: ServiceClient, api_version: str) -> None:
        """Raises RowError (`version-unknown`)."""
        if api_version not in VERSIONS:
            known = ", ".join(VERSIONS)
            raise RowError(
                f"Form Recognizer has no version {api_version!r}: {known}", reason="version-unknown"
            )
        self._client = client
        self._version = VERSIONS[api_version]
        self._operations = load_services()[NAME].versions[api_version].operations

    # --- models -----------------------------------------------------------------------------------

    def submit_training(self, request: TrainingRequest) -> str:
        with refusals(refused.of_a_training):
            return self._submit(requests.train(self._version, request))

    def submit_compose(self, model_ids: Sequence[str], name: str = "") -> str:
        """Begin to make one model of several. Raises RowError (`compose-refused`, `operation-unknown`)."""
        self._require("compose")
        with refusals(refused.of_a_composition):
            return self._submit(requests.compose(self._version, model_ids, name))

    def model(self, model_id: str) -> ServiceModel:
        with refusals(refused.of_a_model):
            return decode.model(self._object(self._request(requests.get_model(self._version, model_id))))

    def models(self) -> Iterator[ServiceModel]:
        call = requests.list_models(self._version)
        with refusals(refused.of_a_model):
            for page in self._client.pages(call.path, params=call.params, next_link=_next_models):
                yield from decode.models_page(page)[0]

    def delete_model(self, model_id: str) -> None:
        try:
            self._request(requests.delete_model(self._version, model_id))
        except RefusedError as error:
            meaning = refused.of_a_model(error)
            if meaning.reason != refused.MODEL_MISSING:
                raise meaning from None

    def quota(self) -> ModelQuota:
        with refusals(refused.of_a_model):
            return decode.quota(self._object(self._request(requests.count_models(self._version))))

    # --- copy -------------------------------------------------------------------------------------

    def authorize_copy(self) -> CopyAuthorization:
        """Leave to copy a model into this resource. Raises RowError (`refused-by-service`)."""
        self._require("copy")
        with refusals(refused.of_a_model):
            answer = self._request(requests.authorize_copy(self._version))
            return decode.copy_authorization(self._object(answer))

    def submit_copy(self, model_id: str, target: CopyTarget, leave: CopyAuthorization) -> str:
        """Begin to copy a model of this resource into the one that gave leave. Raises RowError
        (`model-missing`, `refused-by-service`)."""
        self._require("copy")
        with refusals(refused.of_a_model):
            return self._submit(requests.copy(self._version, model_id, target, leave))

    # --- documents --------------------------------------------------------------------------------

    def submit_document(
        self,
        model_id: str,
        document: Source,
        options: ReadingOptions = AS_A_WHOLE,
        *,
        max_pages: int | None = None,
    ) -> str:
        """Its bytes are sent, or a link is given that the service can follow."""
        if max_pages is not None and not options.pages and _longer(document, max_pages):
            options = replace(options, pages=f"1-{max_pages}")
        with refusals(refused.of_a_document):
            return self._submit(requests.analyze(self._version, model_id, document, options))

    def submit_layout(self, document: Source, options: ReadingOptions = AS_A_WHOLE) -> str:
        with refusals(refused.of_a_document):
            return self._submit(requests.layout(self._version, document, options))

    # --- operations -------------------------------------------------------------------------------

    def poll(self, operation: Operation) -> OperationState:
        """Raises DocumentError or RowError (`answer-unreadable`) beside what the port names; an answer that
        is no JSON, or a refusal of this one poll, ends the attempt alone."""
        url = requests.training_poll(operation.url) if operation.kind in _TRAININGS else operation.url
        with refusals(polls.refused):
            answer = self._client.poll(url)
        state = decode.operation_state(polls.body_of(answer))
        if operation.kind in _READINGS and state.end == "succeeded" and state.analysis is None:
            raise DocumentError("the service says it is done but gives no result", reason="answer-unreadable")
        return replace(state, seconds=polls.seconds_asked(answer), body=answer.body)

    # --- sending ----------------------------------------------------------------------------------

    def _submit(self, call: Call) -> str:
        return self._client.submit(call.method, call.path, **_arguments(call))

    def _request(self, call: Call) -> Answer:
        return self._client.request(call.method, call.path, **_arguments(call))

    def _object(self, answer: Answer) -> dict[str, Any]:
        body = answer.json()
        if not isinstance(body, dict):
            raise RowError(
                "the service's answer is not a JSON object: check the row's endpoint and api_version",
                reason="answer-unreadable",
            )
        return body

    def _require(self, operation: str) -> None:
        if operation not in self._operations:
            raise RowError(
                f"Form Recognizer {self._version.name} cannot {operation}: use a later version",
                reason="operation-unknown",
            )


def _longer(document: Source, pages: int) -> bool:
    """A document that is known to be shorter is asked for as a whole."""
    known = document.pages if isinstance(document, StagedDocument) else None
    return known is None or known > pages


def _next_models(page: dict[str, Any]) -> str | None:
    link = decode.models_page(page)[1]
    return requests.next_models(link) if link else None


def _arguments(call: Call) -> dict[str, Any]:
    """The call in the words of the client; a document is read from its file at each attempt."""
    told: dict[str, Any] = {"operation_class": call.operation_class, "params": call.params, "json": call.json}
    document = call.document
    if document is None:
        return told
    if call.multipart:
        part = (document.name.rsplit("/", 1)[-1], document.file, document.content_type)
        return told | {"files": {"analyzeFile": part}}
    return told | {"content": document.file, "headers": {"Content-Type": document.content_type}}
