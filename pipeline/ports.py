"""The few Protocols the stages are written against. Each has two or more real implementations and one
contract suite in `tests/contract` that runs over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from pipeline.types import Blob, ExtractedField, FieldSpec, LabelledForm, Layout, Trained

Task = TypeVar("Task")
Result = TypeVar("Result")


class Storage(Protocol):
    """Containers of blobs. Paths use `/`; a prefix is empty or ends in `/`."""

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


class Engine(Protocol):
    """What reads documents, and trains and asks models."""

    def layout(self, content: bytes, *, max_pages: int, file_type: str | None = None) -> Layout:
        """The pages of a document. Raises DocumentError for what cannot be read."""
        ...

    def train(self, forms: Sequence[LabelledForm], fields: Sequence[FieldSpec], *, labels: bool) -> Trained:
        """Train a model. Raises RowError (`untrainable`) where these forms do not make one."""
        ...

    def extract(self, model_id: str, layout: Layout) -> tuple[ExtractedField, ...]:
        """The values that a model finds. Raises RowError (`model-missing`, `model-unreadable`)."""
        ...
