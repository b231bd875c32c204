"""Frozen records of work that a service does over time: operations, what they give, models as a service
describes them. Nothing here knows a wire format; `wire/` translates."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from pipeline.texts import TextAnswer
from pipeline.types import ExtractedField, FieldSpec, Layout

OperationKind = Literal["train", "compose", "copy", "layout", "analyze", "batch", "classify"]
OperationEnd = Literal["running", "succeeded", "failed"]
ServiceModelState = Literal["creating", "ready", "invalid"]
BuildMode = Literal["template", "neural"]


@dataclass(frozen=True, slots=True)
class StagedDocument:
    """A document on this machine's disk, ready to be sent. `name` is its blob path; `pages` is None where
    nobody can count them; `content_type` is by content, not by suffix."""

    name: str
    file: Path
    size: int
    content_type: str
    content_hash: str
    pages: int | None = None


@dataclass(frozen=True, slots=True)
class ContainerLink:
    """A container as a service can reach it. `url` carries a signature: it is never shown, stored or
    logged; `str()` and `repr()` leave it out."""

    container: str
    url: str = field(repr=False)

    def __str__(self) -> str:
        return f"container {self.container}"


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What a model is to be trained on. `name`: the model id where the caller chooses it, else its name.
    `prefix` is empty or ends in `/`."""

    name: str
    source: ContainerLink
    prefix: str = ""
    include_subfolders: bool = False
    labels: bool = True
    mode: BuildMode = "template"
    description: str = ""


@dataclass(frozen=True, slots=True)
class ServiceFault:
    """An error as a service tells it, outside or inside a finished operation. `code` is the innermost one
    known; `target` is a page, a document or a parameter."""

    code: str
    message: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class TrainedDocument:
    """How a service got on with one training document."""

    name: str
    pages: int
    state: Literal["succeeded", "partiallySucceeded", "failed"] = "succeeded"
    faults: tuple[ServiceFault, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceModel:
    """A model as a service describes it. `accuracies` are the service's own, by field, 0..1. `keys` are
    those an unlabelled training found. `components` are the ids a composed model is made of."""

    model_id: str
    state: ServiceModelState = "ready"
    name: str = ""
    description: str = ""
    api_version: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    expires_at: datetime | None = None
    composed: bool = False
    components: tuple[str, ...] = ()
    fields: tuple[FieldSpec, ...] = ()
    accuracies: tuple[tuple[str, float], ...] = ()
    average_accuracy: float | None = None
    keys: tuple[str, ...] = ()
    documents: tuple[TrainedDocument, ...] = ()
    faults: tuple[ServiceFault, ...] = ()


@dataclass(frozen=True, slots=True)
class AnalyzedDocument:
    """One document (a form) that a model found in a file. An unlabelled model's pairs are values too, the
    key being the field."""

    doc_type: str
    first_page: int
    last_page: int
    values: tuple[ExtractedField, ...] = ()
    confidence: float | None = None
    model_id: str = ""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a service found in a file: its layout, and the documents in it (none for a layout operation)."""

    layout: Layout
    documents: tuple[AnalyzedDocument, ...] = ()
    model_id: str = ""

    @property
    def values(self) -> tuple[ExtractedField, ...]:
        return tuple(value for document in self.documents for value in document.values)


@dataclass(frozen=True, slots=True)
class BatchItem:
    """How one file of a batch ended. `result_path` is where its result lies, beside the result prefix."""

    source_path: str
    state: Literal["succeeded", "failed", "skipped", "running", "notStarted"]
    result_path: str = ""
    fault: ServiceFault | None = None


@dataclass(frozen=True, slots=True)
class TextItem:
    """How one text of a request ended: an answer, or the fault that it has instead of one."""

    document_id: str
    answer: TextAnswer | None = None
    fault: ServiceFault | None = None
    warnings: tuple[ServiceFault, ...] = ()


@dataclass(frozen=True, slots=True)
class OperationState:
    """Where an operation stands. `faults` of a success are warnings. `body` is the answer as received (what
    a `.ocr.json` holds); `seconds` is how long the service asks to wait before the next poll; `texts` are the
    texts of a request to the Language service."""

    end: OperationEnd
    analysis: Analysis | None = None
    model: ServiceModel | None = None
    items: tuple[BatchItem, ...] = ()
    texts: tuple[TextItem, ...] = ()
    faults: tuple[ServiceFault, ...] = ()
    seconds: float | None = None
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Operation:
    """A stored long-running call. `url` is empty while only the intent is known. `model_version_id` is the
    version that analyzes, or that is being trained."""

    id: int
    kind: OperationKind
    url: str
    submitted_at: datetime | None = None
    deadline: datetime | None = None
    model_version_id: int | None = None
    subject: str = ""


@dataclass(frozen=True, slots=True)
class ServiceOperation:
    """An operation as a service lists it. `kind` is the service's word for it; `model_id` is what it makes;
    `percent`: how much of it is done, where the service says so."""

    operation_id: str
    kind: str
    end: OperationEnd
    model_id: str = ""
    created_at: datetime | None = None
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class ServiceDeployment:
    """A name under which a trained model of texts answers. `model_id` is the service's id of the model (a
    `ServiceModel.name`), not its label."""

    name: str
    model_id: str
    deployed_at: datetime | None = None
    trained_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ModelQuota:
    """How many custom models a resource holds, and how many it may."""

    count: int
    limit: int


@dataclass(frozen=True, slots=True)
class CopyAuthorization:
    """Leave to copy a model into another resource. `body` is what the target said, to be passed on as it
    is; it holds a token and is never shown."""

    model_id: str
    expires_at: datetime | None
    body: dict[str, object] = field(repr=False)
