"""Where a run's time goes and what came of it, told to whoever watches it from outside."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

from pipeline.types import FormType, RunRow

WatchedStage = Literal["train", "list", "score", "deliver"]


class Observer:
    """Hears of the stages and ends of rows, and of calls to services; here it takes no notice. What it does
    may not raise and may not wait."""

    def stage(self, stage: WatchedStage, row: FormType) -> AbstractContextManager[None]:
        """A stage of a row for as long as the block runs; of a group's model, its first row. Stages do not
        overlap."""
        return nullcontext()

    def row_ended(self, row: RunRow) -> None:
        """What came of a row, as it was written down."""

    def called(self, engine: str, operation_class: str, status: int | None, seconds: float) -> None:
        """One attempt of a call to a service, from any thread. `status`: of HTTP, None where no answer
        came."""
