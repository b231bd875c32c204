"""What the Language service speaks of, as records that client and emulator share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pipeline.remote import ServiceFault
from pipeline.texts import IndexType, ProjectKind, TextDocument

Status = Literal["notStarted", "running", "succeeded", "failed", "cancelling", "cancelled"]


@dataclass(frozen=True, slots=True)
class Project:
    """A project and its dates. `labels`: the file of the container in which they lie (v1.0-preview.2)."""

    name: str
    kind: ProjectKind
    container: str = ""
    language: str = ""
    multilingual: bool = False
    description: str = ""
    labels: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    modified_at: datetime | None = None
    trained_at: datetime | None = None
    deployed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """How the labelled texts are divided: by hand (`dataset` of each), or so many of a hundred to train."""

    manual: bool = False
    training: int = 80
    testing: int = 20


@dataclass(frozen=True, slots=True)
class Job:
    """A job of authoring, or of the runtime."""

    id: str
    status: Status
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    faults: tuple[ServiceFault, ...] = ()


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """A training. The evaluation follows it; `trained_at` is between the two, where it is known."""

    job: Job
    label: str
    config: str = "latest"
    trained_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TrainingAsked:
    """A training as a client asks for it."""

    label: str
    options: EvaluationOptions = EvaluationOptions()
    config: str = "latest"


@dataclass(frozen=True, slots=True)
class Task:
    """What texts are to be asked: which deployment of which project (`model_id` instead, before there were
    deployments), and what its offsets count."""

    kind: ProjectKind
    project: str = ""
    deployment: str = ""
    index: IndexType = "TextElements_v8"
    name: str = ""
    model_id: str = ""


@dataclass(frozen=True, slots=True)
class TextRequest:
    """Texts that were sent to be analyzed."""

    documents: tuple[TextDocument, ...]
    tasks: tuple[Task, ...]
    display_name: str = ""
