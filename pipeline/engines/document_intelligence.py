"""Document Intelligence 2022-08-31 to 2024-11-30 as an engine: each call of `ports.RemoteEngine`, and
compose, copy, classifiers and batches.

The caller chooses model ids here. What is built, composed or trained again after its answer was lost is
refused as a conflict (`ModelExists`): then the operation that makes the model of that id is followed, else
the model itself, in place of paying for another. That is right as long as an id stands for one training set:
ids that the pipeline chooses carry its fingerprint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from pipeline.engines import document_intelligence_refusals as refused
from pipeline.engines import polls
from pipeline.engines.document_intelligence_refusals import refusals
from pipeline.errors import DocumentError, FormpipeError, RowError
from pipeline.remote import (
    CopyAuthorization,
    ModelQuota,
    Operation,
    OperationState,
    ServiceModel,
    ServiceOperation,
    StagedDocument,
    TrainingRequest,
)
from pipeline.rest.client import Answer, ServiceClient
from pipeline.rest.errors import RefusedError
from pipeline.services import load_services
from pipeline.wire.document_intelligence import decode, requests
from pipeline.wire.document_intelligence.requests import (
    LAYOUT,
    PLAIN,
    UNNOTED,
    BatchTarget,
    Call,
    DocumentSource,
    Notes,
    Parts,
    ReadingOptions,
    Source,
)
from pipeline.wire.document_intelligence.versions import VERSIONS

NAME = "document-intelligence"
_UNTAGGED: Mapping[str, str] = MappingProxyType({})
_READINGS = ("analyze", "layout", "classify")
_CONFLICT = 409
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class DocumentIntelligenceEngine:
    """One resource, spoken to in one version. Satisfies `ports.RemoteEngine`."""

    def __init__(self, client: ServiceClient, api_version: str) -> None:
        """Raises RowError (`version-unknown`)."""
        if api_version not in VERSIONS:
            known = ", ".join(VERSIONS)
            raise RowError(
                f"Document Intelligence has no version {api_version!r}: {known}", reason="version-unknown"
            )
        self._client = client
        self._version = VERSIONS[api_version]
        self._operations = load_services()[NAME].versions[api_version].operations

    # --- models -------------------------------------------------------------------------------------

    def submit_training(self, request: TrainingRequest, tags: Mapping[str, str] = _UNTAGGED) -> str:
        if not request.labels:
            raise RowError(
                "Document Intelligence trains from labelled forms only: label them and set use_label_file",
                reason="training-refused",
            )
        call = requests.build(self._version, request, tags)
        return self._made(call, request.name, "documentModelBuild", refused.of_a_training)

    def submit_compose(
        self, name: str, parts: Parts, *, classifier_id: str = "", notes: Notes = UNNOTED
    ) -> str:
        """Begin to make one model of several. In 4.0 a classifier chooses among them: `parts` are models by
        class. Raises RowError (`compose-refused`)."""
        if self._version.classifier_compose and not classifier_id:
            raise RowError(
                f"Document Intelligence {self._version.name} composes models by a classifier: name one",
                reason="compose-refused",
            )
        call = requests.compose(self._version, name, parts, classifier_id, notes)
        return self._made(call, name, "documentModelCompose", refused.of_a_composition)

    def model(self, model_id: str) -> ServiceModel:
        return decode.model(self._told(requests.get_model(self._version, model_id)))

    def models(self) -> Iterator[ServiceModel]:
        for page in self._pages(requests.list_models(self._version)):
            yield from decode.models_page(page)[0]

    def delete_model(self, model_id: str) -> None:
        self._delete(requests.delete_model(self._version, model_id))

    def quota(self) -> ModelQuota:
        return decode.quota(self._told(requests.info(self._version)))

    # --- copy ---------------------------------------------------------------------------------------

    def authorize_copy(self, name: str, notes: Notes = UNNOTED) -> CopyAuthorization:
        """Leave to copy a model into this resource, under this name. Raises RowError
        (`refused-by-service`)."""
        return decode.copy_authorization(self._told(requests.authorize_copy(self._version, name, notes)))

    def submit_copy(self, model_id: str, leave: CopyAuthorization) -> str:
        """Begin to copy a model of this resource into the one that gave leave. Raises RowError
        (`model-missing`, `refused-by-service`)."""
        with refusals(refused.of_a_model):
            return self._submit(requests.copy(self._version, model_id, leave))

    # --- documents ----------------------------------------------------------------------------------

    def submit_document(
        self,
        model_id: str,
        document: Source,
        options: ReadingOptions = PLAIN,
        *,
        max_pages: int | None = None,
    ) -> str:
        """Its bytes are sent, or a link is given that the service can follow."""
        options = _within(document, options, max_pages)
        with refusals(refused.of_a_document):
            return self._submit(requests.analyze(self._version, model_id, document, options))

    def submit_layout(self, document: Source, options: ReadingOptions = PLAIN) -> str:
        return self.submit_document(LAYOUT, document, options)

    def submit_batch(
        self, model_id: str, source: DocumentSource, target: BatchTarget, options: ReadingOptions = PLAIN
    ) -> str:
        """Begin to analyze up to 10,000 files of a container (4.0). The links must allow `rwdl` for the
        source and `wdl` for the target. Raises RowError (`operation-unknown`, `batch-refused`,
        `model-missing`)."""
        self._require("batch")
        with refusals(refused.of_a_batch):
            return self._submit(requests.analyze_batch(self._version, model_id, source, target, options))

    # --- classifiers --------------------------------------------------------------------------------

    def submit_classifier(
        self, name: str, classes: Mapping[str, DocumentSource], notes: Notes = UNNOTED
    ) -> str:
        """Begin to train a classifier; every document needs its layout beside it. Raises RowError
        (`operation-unknown`, `training-refused`)."""
        self._require("classify")
        call = requests.build_classifier(self._version, name, classes, notes)
        return self._made(call, name, "documentClassifierBuild", refused.of_a_training)

    def submit_classification(
        self, classifier_id: str, document: Source, options: ReadingOptions = PLAIN
    ) -> str:
        """Begin to find the documents in a file and their classes: an `Analysis` whose documents have types
        and no values. Raises as `submit_document`."""
        self._require("classify")
        with refusals(refused.of_a_document):
            return self._submit(requests.classify(self._version, classifier_id, document, options))

    def classifier(self, classifier_id: str) -> ServiceModel:
        """Raises RowError (`model-missing`)."""
        return decode.model(self._told(requests.get_classifier(self._version, classifier_id)))

    def classifiers(self) -> Iterator[ServiceModel]:
        """The classifiers of the resource, page by page."""
        for page in self._pages(requests.list_classifiers(self._version)):
            yield from decode.models_page(page)[0]

    def delete_classifier(self, classifier_id: str) -> None:
        """Delete it; a classifier that is not there is deleted already."""
        self._delete(requests.delete_classifier(self._version, classifier_id))

    # --- operations ---------------------------------------------------------------------------------

    def poll(self, operation: Operation) -> OperationState:
        """Raises DocumentError or RowError (`answer-unreadable`) beside what the port names; an answer that
        is no JSON, or a refusal of this one poll, ends the attempt alone."""
        with refusals(polls.refused):
            answer = self._client.poll(operation.url)
        state = _state(answer)
        if operation.kind in _READINGS and state.end == "succeeded" and state.analysis is None:
            raise DocumentError("the service says it is done but gives no result", reason="answer-unreadable")
        return state

    def operations(self) -> Iterator[ServiceOperation]:
        """What was built, composed and copied in the last 24 hours, the latest first, page by page."""
        for page in self._pages(requests.list_operations(self._version)):
            yield from decode.operations_page(page)[0]

    def operation(self, operation_id: str) -> OperationState:
        """Where a listed operation stands. Raises AttemptError (`operation-expired`)."""
        with refusals(polls.refused):
            return _state(self._request(requests.get_operation(self._version, operation_id)))

    # --- sending ------------------------------------------------------------------------------------

    def _made(
        self, call: Call, name: str, kind: str, meaning: Callable[[RefusedError], FormpipeError]
    ) -> str:
        try:
            return self._submit(call)
        except RefusedError as error:
            if error.status != _CONFLICT:
                raise meaning(error) from None
        return self._begun(name, kind)

    def _begun(self, name: str, kind: str) -> str:
        """Where to ask for the end of what was begun before: its operation, else what it made."""
        made = [one for one in self.operations() if (one.model_id, one.kind) == (name, kind)]
        hopeful = [one for one in made if one.end != "failed"]
        if hopeful:
            latest = max(hopeful, key=lambda one: one.created_at or _LONG_AGO)
            return self._url(requests.get_operation(self._version, latest.operation_id))
        if kind == "documentClassifierBuild":
            return self._url(requests.get_classifier(self._version, name))
        return self._url(requests.get_model(self._version, name))

    def _url(self, call: Call) -> str:
        return f"{self._client.endpoint}{call.path}?api-version={self._version.name}"

    def _pages(self, call: Call) -> Iterator[dict[str, Any]]:
        with refusals(refused.of_a_model):
            yield from self._client.pages(call.path, params=call.params, next_link=self._next)

    def _next(self, page: Mapping[str, Any]) -> str | None:
        link = str(page.get("nextLink") or "")
        return requests.next_page(self._version, link) if link else None

    def _delete(self, call: Call) -> None:
        try:
            self._request(call)
        except RefusedError as error:
            meaning = refused.of_a_model(error)
            if meaning.reason != refused.MODEL_MISSING:
                raise meaning from None

    def _told(self, call: Call) -> dict[str, Any]:
        with refusals(refused.of_a_model):
            return _object(self._request(call))

    def _submit(self, call: Call) -> str:
        return self._client.submit(call.method, call.path, **_arguments(call))

    def _request(self, call: Call) -> Answer:
        return self._client.request(call.method, call.path, **_arguments(call))

    def _require(self, operation: str) -> None:
        if operation not in self._operations:
            raise RowError(
                f"Document Intelligence {self._version.name} cannot {operation}: use a later version",
                reason="operation-unknown",
            )


def _within(document: Source, options: ReadingOptions, max_pages: int | None) -> ReadingOptions:
    """A document that is known to be shorter than the limit is asked for as a whole."""
    known = document.pages if isinstance(document, StagedDocument) else None
    if max_pages is None or options.pages or (known is not None and known <= max_pages):
        return options
    return replace(options, pages=f"1-{max_pages}")


def _arguments(call: Call) -> dict[str, Any]:
    """The call in the words of the client; a document is read from its file at each attempt."""
    told: dict[str, Any] = {"operation_class": call.operation_class, "params": call.params, "json": call.json}
    if call.document is None:
        return told
    headers = {"Content-Type": call.document.content_type}
    return told | {"content": call.document.file, "headers": headers}


def _state(answer: Answer) -> OperationState:
    state = decode.operation_state(polls.body_of(answer))
    return replace(state, seconds=polls.seconds_asked(answer), body=answer.body)


def _object(answer: Answer) -> dict[str, Any]:
    body = answer.json()
    if not isinstance(body, dict):
        raise RowError(
            "the service's answer is not a JSON object: check the row's endpoint and api_version",
            reason="answer-unreadable",
        )
    return body
