"""What the emulator remembers of projects of texts, their models and deployments. Names keep their case, and
differ by it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from pydantic import TypeAdapter

from pipeline.emulator.store import Store
from pipeline.emulator.text_work import Region
from pipeline.remote import ServiceDeployment, ServiceModel
from pipeline.texts import ProjectKind, TextEvaluation, TextOutcome
from pipeline.wire.language.records import EvaluationOptions, Project


@dataclass(frozen=True, slots=True)
class TextModel:
    """A trained model. `model_id` is another for each training of its label; `bundle`: its bytes."""

    project: str
    label: str
    kind: ProjectKind
    model_id: str
    bundle: str
    trained_at: datetime
    expires_at: datetime
    seconds: float
    evaluation: TextEvaluation
    options: EvaluationOptions
    outcomes: tuple[TextOutcome, ...] = ()
    regions: tuple[Region, ...] = ()

    @property
    def name(self) -> str:
        return self.label

    @property
    def told(self) -> ServiceModel:
        return ServiceModel(
            self.label, name=self.model_id, created_at=self.trained_at, expires_at=self.expires_at
        )


@dataclass(frozen=True, slots=True)
class TextDeployment:
    """A name under which a model answers, the bytes of that time included: a model that is trained anew
    answers when it is deployed anew. `published`: of v1.0-preview.2, its name is the id of the model."""

    project: str
    name: str
    kind: ProjectKind
    label: str
    model_id: str
    bundle: str
    trained_at: datetime
    deployed_at: datetime
    expires_at: datetime
    published: bool = False

    @property
    def told(self) -> ServiceDeployment:
        return ServiceDeployment(self.name, self.model_id, self.deployed_at, self.trained_at, self.expires_at)


@dataclass(frozen=True, slots=True)
class TextProjectRecord:
    """A project with the project file that was imported last, where one was."""

    project: Project
    file: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return self.project.name


class _InProject(Protocol):
    @property
    def project(self) -> str: ...

    @property
    def name(self) -> str: ...


Kept = TypeVar("Kept", bound=_InProject)


class InProjects(Generic[Kept]):
    """Records of one kind, each in a project of a resource."""

    def __init__(self, kind: str, adapter: TypeAdapter[Kept]) -> None:
        self._kind = kind
        self._adapter = adapter

    def put(self, store: Store, resource: str, kept: Kept) -> None:
        record_id = _within(kept.project, kept.name)
        store.put_record(self._kind, resource, record_id, self._adapter.dump_json(kept).decode())

    def get(self, store: Store, resource: str, project: str, name: str) -> Kept | None:
        body = store.record(self._kind, resource, _within(project, name))
        return None if body is None else self._adapter.validate_json(body)

    def every(self, store: Store, resource: str) -> list[Kept]:
        return [self._adapter.validate_json(body) for body in store.records(self._kind, resource)]

    def of(self, store: Store, resource: str, project: str) -> list[Kept]:
        """Those of a project, in the order in which they came."""
        return [each for each in self.every(store, resource) if each.project == project]

    def delete(self, store: Store, resource: str, project: str, name: str) -> bool:
        return store.delete_record(self._kind, resource, _within(project, name))


def _within(project: str, name: str) -> str:
    return f"{project}/{name}"


MODELS: InProjects[TextModel] = InProjects("text-model", TypeAdapter(TextModel))
DEPLOYMENTS: InProjects[TextDeployment] = InProjects("text-deployment", TypeAdapter(TextDeployment))

_PROJECT = "text-project"
_RECORD: TypeAdapter[TextProjectRecord] = TypeAdapter(TextProjectRecord)


def put_project(store: Store, resource: str, record: TextProjectRecord) -> None:
    store.put_record(_PROJECT, resource, record.name, _RECORD.dump_json(record).decode())


def project_of(store: Store, resource: str, name: str) -> TextProjectRecord | None:
    body = store.record(_PROJECT, resource, name)
    return None if body is None else _RECORD.validate_json(body)


def projects_of(store: Store, resource: str) -> list[TextProjectRecord]:
    return [_RECORD.validate_json(body) for body in store.records(_PROJECT, resource)]


def delete_project(store: Store, resource: str, name: str) -> None:
    """With all that is in it."""
    for model in MODELS.of(store, resource, name):
        MODELS.delete(store, resource, name, model.label)
    for deployment in DEPLOYMENTS.of(store, resource, name):
        DEPLOYMENTS.delete(store, resource, name, deployment.name)
    store.delete_record(_PROJECT, resource, name)
