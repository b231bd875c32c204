"""Document Intelligence 2022-08-31 to 2024-11-30 as an engine: each call of `ports.RemoteEngine`, and
compose, copy, classifiers and batches.

The caller chooses model ids here. A build that is sent again after its answer was lost is refused as a
conflict: then the model of that id is the one that was asked for, and is waited for in place of paying for
another; ids carry the fingerprint of their training set, so that no other model has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.engines import document_intelligence_refusals as refused
from pipeline.engines.document_intelligence_refusals import refusals
from pipeline.errors import DocumentError, RowError
from pipeline.remote import (
    ContainerLink,
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
from pipeline.wire.document_intelligence import decode, requests
from pipeline.wire.document_intelligence.requests import LAYOUT, PLAIN, Call, ReadingOptions, Source
from pipeline.wire.document_intelligence.versions import VERSIONS

NAME = "document-intelligence"


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

    def submit_training(self, request: TrainingRequest) -> str:
        try:
            return self._submit(requests.build(self._version, request))
        except RefusedError as error:
            if error.status == 409:
                return self._begun(request.name)
            raise refused.of_a_training(error) from error

    def submit_compose(
        self, name: str, model_ids: Sequence[str], *, classifier_id: str = "", description: str = ""
    ) -> str:
        """Begin to make one model of several; in 4.0 a classifier chooses among them. Raises RowError
        (`compose-refused`)."""
        with refusals(refused.of_a_composition):
            call = requests.compose(self._version, name, model_ids, classifier_id, description)
            return self._submit(call)

    def model(self, model_id: str) -> ServiceModel:
        with refusals(refused.of_a_model):
            return decode.model(self._object(self._request(requests.get_model(self._version, model_id))))

    def models(self) -> Iterator[ServiceModel]:
        yield from self._listed(requests.list_models(self._version))

    def delete_model(self, model_id: str) -> None:
        self._delete(requests.delete_model(self._version, model_id))

    def quota(self) -> ModelQuota:
        with refusals(refused.of_a_model):
            return decode.quota(self._object(self._request(requests.info(self._version))))

    # --- copy ---------------------------------------------------------------------------------------

    def authorize_copy(self, name: str, description: str = "") -> CopyAuthorization:
        """Leave to copy a model into this resource, under this name."""
        with refusals(refused.of_a_model):
            answer = self._request(requests.authorize_copy(self._version, name, description))
            return decode.copy_authorization(self._object(answer))

    def submit_copy(self, model_id: str, leave: CopyAuthorization) -> str:
        """Begin to copy a model of this resource into the one that gave leave."""
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
        self,
        model_id: str,
        source: Mapping[str, Any],
        result: ContainerLink,
        prefix: str,
        *,
        overwrite: bool = False,
    ) -> str:
        """Begin to analyze up to 10,000 files of a container (4.0). `source`: see `requests.blob_source`.
        Raises RowError (`operation-unknown`, `batch-refused`)."""
        self._require("batch")
        call = requests.analyze_batch(
            self._version, model_id, dict(source), result, prefix, overwrite=overwrite
        )
        with refusals(refused.of_a_batch):
            return self._submit(call)

    # --- classifiers --------------------------------------------------------------------------------

    def submit_classifier(self, name: str, types: Mapping[str, dict[str, Any]], description: str = "") -> str:
        """Begin to train a classifier; `types`: a source of documents for each class. Raises RowError
        (`operation-unknown`, `training-refused`)."""
        self._require("classify")
        with refusals(refused.of_a_training):
            return self._submit(requests.build_classifier(self._version, name, types, description))

    def submit_classification(
        self, classifier_id: str, document: Source, options: ReadingOptions = PLAIN
    ) -> str:
        self._require("classify")
        with refusals(refused.of_a_document):
            return self._submit(requests.classify(self._version, classifier_id, document, options))

    def classifiers(self) -> Iterator[ServiceModel]:
        yield from self._listed(requests.list_classifiers(self._version))

    def classifier(self, classifier_id: str) -> ServiceModel:
        call = requests.classifier(self._version, "GET", classifier_id)
        with refusals(refused.of_a_model):
            return decode.model(self._object(self._request(call)))

    def delete_classifier(self, classifier_id: str) -> None:
        self._delete(requests.classifier(self._version, "DELETE", classifier_id))

    # --- operations ---------------------------------------------------------------------------------

    def poll(self, operation: Operation) -> OperationState:
        """Raises DocumentError or RowError (`answer-unreadable`) beside what the port names."""
        waited = operation.kind == "train" and "/operations/" not in operation.url
        try:
            answer = self._client.poll(operation.url)
        except RefusedError as error:
            if waited and error.status == 404:
                return OperationState("running")
            raise refused.of_a_poll(error) from error
        state = decode.operation_state(self._object(answer))
        if operation.kind == "analyze" and state.end == "succeeded" and state.analysis is None:
            raise DocumentError("the service says it is done but gives no result", reason="answer-unreadable")
        return replace(state, seconds=_seconds(answer), body=answer.body)

    # --- sending ------------------------------------------------------------------------------------

    def _begun(self, name: str) -> str:
        """Where to ask for the end of a build whose answer was lost: its operation, else the model."""
        call = requests.list_operations(self._version)
        with refusals(refused.of_a_model):
            for page in self._client.pages(call.path, params=call.params, next_link=_next):
                for item in page.get("value") or ():
                    made = str(item.get("resourceLocation") or "").partition("?")[0].rpartition("/")[2]
                    if made == name and item.get("kind") == "documentModelBuild":
                        return self._absolute(f"{self._version.base}/operations/{item['operationId']}")
        return self._absolute(requests.get_model(self._version, name).path)

    def _absolute(self, path: str) -> str:
        return f"{self._client.endpoint}{path}?api-version={self._version.name}"

    def _listed(self, call: Call) -> Iterator[ServiceModel]:
        with refusals(refused.of_a_model):
            for page in self._client.pages(call.path, params=call.params, next_link=_next):
                yield from decode.models_page(page)[0]

    def _delete(self, call: Call) -> None:
        try:
            self._request(call)
        except RefusedError as error:
            meaning = refused.of_a_model(error)
            if meaning.reason != refused.MODEL_MISSING:
                raise meaning from error

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
                f"Document Intelligence {self._version.name} cannot {operation}: use a later version",
                reason="operation-unknown",
            )


def _within(document: Source, options: ReadingOptions, max_pages: int | None) -> ReadingOptions:
    """A document that is known to be shorter than the limit is asked for as a whole."""
    known = document.pages if isinstance(document, StagedDocument) else None
    if max_pages is None or options.pages or (known is not None and known <= max_pages):
        return options
    return replace(options, pages=f"1-{max_pages}")


def _next(page: Mapping[str, Any]) -> str | None:
    return str(page.get("nextLink") or "") or None


def _arguments(call: Call) -> dict[str, Any]:
    """The call in the words of the client; a document is read from its file at each attempt."""
    told: dict[str, Any] = {"operation_class": call.operation_class, "params": call.params, "json": call.json}
    if call.document is None:
        return told
    headers = {"Content-Type": call.document.content_type}
    return told | {"content": call.document.file, "headers": headers}


def _seconds(answer: Answer) -> float | None:
    told = answer.headers.get("Retry-After", "")
    return float(told) if told.isdigit() else None
