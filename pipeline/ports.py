"""The few Protocols the stages are written against. Each has two or more real implementations and one
contract suite in `tests/contract` that runs over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Generic, Protocol, TypeVar

from pipeline.errors import DocumentError
from pipeline.remote import (
    ContainerLink,
    ModelQuota,
    Operation,
    OperationState,
    ServiceDeployment,
    ServiceModel,
    StagedDocument,
    TrainingRequest,
)
from pipeline.texts import (
    LabelledText,
    ProjectKind,
    TextAnswer,
    TextDocument,
    TextEvaluation,
    TextProject,
)
from pipeline.types import (
    AccountNames,
    Blob,
    ExtractedField,
    FieldSpec,
    LabelledForm,
    Layout,
    SinkItem,
    Trained,
)

Task = TypeVar("Task")
Result = TypeVar("Result")


class Storage(Protocol):
    """Containers of blobs. Paths use `/`; a prefix is empty or ends in `/`."""

    @property
    def account(self) -> str:
        """The storage account, as documents are filed under it; empty for a folder of this machine."""
        ...

    def list(self, container: str, prefix: str = "", *, recursive: bool = True) -> Iterator[Blob]:
        """Blobs under a prefix in the order of their paths, fetched as they are asked for.

        Raises RowError (`container-missing`) where there is no such container.
        """
        ...

    def read(self, container: str, path: str, etag: str | None = None) -> bytes:
        """The content, of that very version when an `etag` is given.

        Raises DocumentError `blob-gone`, AttemptError `blob-changed` or `blob-unreadable`.
        """
        ...

    def write(self, container: str, path: str, content: bytes) -> None:
        """Create or replace a blob as a whole: a reader sees the old content or the new, never half.

        Raises RowError `storage-not-writable`, and DocumentError `unsafe-path` for a path that leaves
        its container.
        """
        ...

    def delete(self, container: str, path: str) -> None:
        """Delete a blob; one that is not there is deleted already.

        Raises RowError `storage-not-writable`, and DocumentError `unsafe-path` for a path that leaves
        its container.
        """
        ...

    def link(self, container: str, *, permissions: str, lifetime: timedelta) -> ContainerLink:
        """The container as a service elsewhere can reach it for `lifetime`, with no more than these
        `permissions` (letters as in a SAS: `r`, `w`, `d`, `l`).

        Raises RowError `storage-not-reachable` for a folder of this machine, `storage-sas-*` where the
        given signature does not allow it or ends too soon.
        """
        ...


class Storages(Protocol):
    """The storage accounts of the rows, by the names of their secrets."""

    def of(self, names: AccountNames) -> Storage:
        """Raises RowError `secret-missing`, `storage-account-unusable`."""
        ...


class Secrets(Protocol):
    """Secret values by name, read at the moment of use."""

    def get(self, name: str, *, fresh: bool = False) -> str:
        """The value. `fresh` asks the source again instead of what was read before.

        Raises RowError `secret-missing`, naming every place that was looked in, never a value.
        """
        ...

    def find(self, name: str, *, fresh: bool = False) -> str | None:
        """The value, None where no place has one."""
        ...


class Outcome(Generic[Task, Result]):
    """A task and what became of it: a result, or the error that ended it."""

    __slots__ = ("error", "result", "task")

    def __init__(self, task: Task, result: Result | None = None, error: Exception | None = None) -> None:
        self.task = task
        self.result = result
        self.error = error

    def unwrap(self) -> Result:
        """The result; raises the error where there is one."""
        if self.error is not None:
            raise self.error
        assert self.result is not None
        return self.result


class Executor(Protocol):
    """Performs tasks somewhere else. Bound to one module-level callable when it is made."""

    def map(
        self, tasks: Iterable[Task], *, parallelism: int, timeout: Callable[[Task], float]
    ) -> Iterator[Outcome[Task, object]]:
        """Outcomes as they come, in any order. At most a few tasks beyond `parallelism` are taken from
        `tasks` ahead of time. A task past its `timeout` (seconds) or whose worker died ends in an
        AttemptError (`timed-out`, `worker-died`); the other tasks go on."""
        ...

    def close(self) -> None:
        """Stop the workers; tasks that were not finished are given up."""
        ...


class Reader(Protocol):
    """What reads documents."""

    def layout(self, content: bytes, *, max_pages: int, file_type: str | None = None) -> Layout:
        """The pages of a document. Raises DocumentError for what cannot be read."""
        ...


class Engine(Reader, Protocol):
    """What reads documents, and trains and asks models."""

    def train(self, forms: Sequence[LabelledForm], fields: Sequence[FieldSpec], *, labels: bool) -> Trained:
        """Train a model. Raises RowError (`untrainable`) where these forms do not make one."""
        ...

    def extract(self, model_id: str, layout: Layout) -> tuple[ExtractedField, ...]:
        """The values that a model finds. Raises RowError (`model-missing`, `model-unreadable`)."""
        ...

    def train_texts(self, texts: Sequence[LabelledText], project: TextProject) -> Trained:
        """Train a model of the project's kind and categories. Raises RowError (`untrainable`)."""
        ...

    def answer(self, model_id: str, text: str) -> TextAnswer:
        """What a model of texts says of one. Raises RowError (`model-missing`, `model-unreadable`)."""
        ...


class Asked(Protocol):
    """What operations were begun at, and are asked for their end."""

    def poll(self, operation: Operation) -> OperationState:
        """Where the operation stands. Raises AttemptError (`operation-expired`) when the service no longer
        knows it."""
        ...


class RemoteEngine(Protocol):
    """A service that trains models and reads documents as operations that take time. A `submit_…` call
    returns the URL of the operation, as the service gave it; nothing is kept here between calls.

    Every call may raise AttemptError (not reachable, throttled, server error: past the deadline of the
    retries) and RowError (`not-authorised`, `quota-exceeded`, `version-retired`, `foreign-operation`).
    """

    def submit_training(self, request: TrainingRequest) -> str:
        """Begin to train. Raises RowError (`training-refused`)."""
        ...

    def submit_document(
        self, model_id: str, document: StagedDocument, *, max_pages: int | None = None
    ) -> str:
        """Begin to analyze, the first `max_pages` of it where the version can choose pages. Raises
        DocumentError (`refused-by-service`), RowError (`model-missing`)."""
        ...

    def submit_layout(self, document: StagedDocument) -> str:
        """Begin to read a document's layout. Raises DocumentError (`refused-by-service`)."""
        ...

    def poll(self, operation: Operation) -> OperationState:
        """Where the operation stands. Raises AttemptError (`operation-expired`) when the service no longer
        knows it."""
        ...

    def model(self, model_id: str) -> ServiceModel:
        """Raises RowError (`model-missing`)."""
        ...

    def models(self) -> Iterator[ServiceModel]:
        """The custom models of the resource, page by page, without their fields."""
        ...

    def delete_model(self, model_id: str) -> None:
        """Delete it; a model that is not there is deleted already."""
        ...

    def quota(self) -> ModelQuota: ...


class TextService(Protocol):
    """A service that trains models of texts in projects and answers through their deployments, as operations
    that take time. A `submit_…` call returns the URL of the operation; nothing is kept here between
    calls. Names of projects, models (labels) and deployments keep their case, and differ by it.

    Every call may raise AttemptError and RowError as those of `RemoteEngine`, and RowError (`name-unusable`,
    `project-missing`, `operation-unknown` for what the version was never documented to do).
    """

    def submit_import(self, project: str, file: Mapping[str, Any], *, labels: str = "") -> str:
        """Make the project that a project file describes, or replace its labels. `file` is in the version's
        own shape. In v1.0-preview.2 `labels` is the path of the labels in the container, and the URL is
        empty: the project is there at once. Raises AttemptError (`project-busy`), RowError
        (`import-refused`)."""
        ...

    def submit_training(self, project: str, label: str, *, manual: bool = False) -> str:
        """Begin to train the model of that label. `manual`: the file says which texts are held out. Where the
        service lists trainings, one of this label that was begun before is followed in place of paying for
        another: a label stands for one training set. Raises AttemptError (`training-busy`: one at a time in
        a project), RowError (`training-refused`, `quota-exceeded`)."""
        ...

    def submit_deployment(self, project: str, deployment: str, label: str) -> str:
        """Begin to let a model answer under a name. In v1.0-preview.2 it has none: the operation ends with
        the id that texts are sent to, as its model's. Raises AttemptError (`deployment-busy`), RowError
        (`model-missing`, `quota-exceeded`, `deployment-refused`)."""
        ...

    def submit_texts(
        self, project: str, deployment: str, kind: ProjectKind, documents: Sequence[TextDocument]
    ) -> str:
        """Send a request of texts (`wire.language.batches` makes them). Raises DocumentError
        (`refused-by-service`: for one of the texts; which one is learned by sending each alone), RowError
        (`deployment-missing`)."""
        ...

    def poll(self, operation: Operation) -> OperationState:
        """Where the operation stands; of texts all that the pages of its results have. Raises AttemptError
        (`operation-expired`) when the service no longer knows it."""
        ...

    def evaluation(self, project: str, label: str) -> TextEvaluation:
        """The service's own. Raises RowError (`evaluation-missing`)."""
        ...

    def model(self, project: str, label: str) -> ServiceModel:
        """A trained model: its label is the `model_id`. Raises RowError (`model-missing`)."""
        ...

    def models(self, project: str) -> Iterator[ServiceModel]:
        """The trained models of a project, page by page."""
        ...

    def deployments(self, project: str) -> Iterator[ServiceDeployment]:
        """Those of a project, page by page; each names its model by the `name` of a `ServiceModel`."""
        ...

    def submit_swap(self, project: str, first: str, second: str) -> str:
        """Begin to exchange the models of two deployments. Raises RowError (`deployment-missing`)."""
        ...

    def delete_model(self, project: str, label: str) -> None:
        """Delete it; a model that is not there is deleted already. Raises RowError (`model-in-use`) for one
        that is deployed."""
        ...

    def delete_deployment(self, project: str, deployment: str) -> None:
        """Delete it; a deployment that is not there is deleted already."""
        ...

    def delete_project(self, project: str) -> None:
        """Delete it with its models and deployments; one that is not there is deleted already."""
        ...


class Sink(Protocol):
    """A store of one item per document, beside SQL. Items come at least once, always under the same id; a
    form type has one writer at a time, who holds its lease.

    Every call may raise RowError (`sink-not-configured`, `sink-not-installed`, `sink-not-reachable`,
    `sink-not-authorised`, `sink-throttled`, `sink-not-writable`, ...), and what a place of secrets raises:
    some of the work may have been done then, and all of it can be done again.
    """

    def put(
        self, form_type: str, items: Sequence[SinkItem], replaced: Sequence[str] = ()
    ) -> Mapping[str, DocumentError]:
        """Add or replace these items; after that, take away those with the ids `replaced`. Returns, by id,
        why an item can never be taken (`item-too-large`, `item-refused`); the others are there."""
        ...

    def remove(self, form_type: str, ids: Sequence[str]) -> None:
        """Take items away for good, whatever of them was kept; one that is not there is removed already."""
        ...

    def keys(self, form_type: str) -> Iterator[tuple[str, str]]:
        """Id and digest of every item of a form type, in any order."""
        ...


class Sinks(Protocol):
    """The sinks beside SQL, by the names that rows give them."""

    def of(self, name: str) -> Sink:
        """Raises RowError (`sink-not-configured`, `sink-not-installed`)."""
        ...
