"""Documents pass here before they are paid: what each takes of what may be spent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

from pipeline.errors import AttemptError, DocumentError, RowError
from pipeline.ports import Executor, Outcome, Task
from pipeline.remote import StagedDocument
from pipeline.scoring.document import ScoreTask
from pipeline.scoring.spending import OVER_LIMIT, Refusal, Reservation, Spending
from pipeline.types import DocumentResult

_NEVER_TAKEN = {"throttled", "stopped"}


def reserve(
    spending: Spending,
    task: ScoreTask,
    staged: StagedDocument,
    *,
    chooses_pages: bool,
    units: int | None = None,
) -> Reservation | Outcome[Any, object] | None:
    """Set aside what a staged document takes; an outcome that leaves it pending where it is over a limit,
    None where an earlier run has paid it. `chooses_pages`: the service reads `max_pages` and no more.
    `units`: what is paid for, where that is not pages."""
    if task.operation is not None:
        return None
    pages = staged.pages or 1
    pages = min(pages, task.model.max_pages) if chooses_pages else pages
    answer = spending.reserve(pages, staged.name, units)
    return _left_pending(task, answer) if isinstance(answer, Refusal) else answer


def charged(reservation: Reservation | None, submit: Callable[[], str]) -> str:
    """Submit, and count it as paid. What was certainly not taken is given back; where no answer came, or an
    error of the service, it may have been taken, and counts."""
    return charged_together([reservation] if reservation else [], submit)


def charged_together(reservations: Sequence[Reservation], submit: Callable[[], str]) -> str:
    """The same for what goes in one request. One that is refused because of one of its documents (a
    DocumentError) is sent again without it: what was set aside for several stays."""
    try:
        url = submit()
    except Exception as error:
        again = len(reservations) > 1 and isinstance(error, DocumentError)
        for reservation in () if again else reservations:
            if _not_taken(error):
                reservation.refund()
            else:
                reservation.settle()
        raise
    for reservation in reservations:
        reservation.settle()
    return url


def _not_taken(error: Exception) -> bool:
    if isinstance(error, AttemptError):
        return error.reason in _NEVER_TAKEN
    return isinstance(error, (DocumentError, RowError))


def _left_pending(task: object, refusal: Refusal) -> Outcome[Any, object]:
    return Outcome(task, error=AttemptError(str(refusal), reason=OVER_LIMIT))


class CountedReaders:
    """The executor of ScoreTasks of a row whose pages are limited and that pays nothing. Nobody knows the
    pages of a document before it is read: the mean so far is set aside for each, so a limit may be passed by
    what documents in flight have more than that."""

    def __init__(self, readers: Executor, spending: Spending) -> None:
        self._readers = readers
        self._spending = spending
        self._documents = 0
        self._pages = 0

    def map(
        self, tasks: Iterable[Task], *, parallelism: int, timeout: Callable[[Task], float]
    ) -> Iterator[Outcome[Task, object]]:
        in_flight: dict[int, Reservation] = {}
        refused: list[Outcome[Task, object]] = []

        def let_through() -> Iterator[Task]:
            for task in tasks:
                document = cast(ScoreTask, task).document
                answer = self._spending.reserve(self._guess(), document.ref.path)
                if isinstance(answer, Refusal):
                    refused.append(_left_pending(task, answer))
                else:
                    in_flight[document.id] = answer
                    yield task

        for outcome in self._readers.map(let_through(), parallelism=parallelism, timeout=timeout):
            self._count(in_flight.pop(cast(ScoreTask, outcome.task).document.id), outcome)
            yield outcome
        yield from refused

    def close(self) -> None:
        """The workers are the caller's."""

    def _guess(self) -> int:
        return max(self._pages // self._documents, 1) if self._documents else 1

    def _count(self, reservation: Reservation, outcome: Outcome[Task, object]) -> None:
        if not isinstance(outcome.result, DocumentResult):
            reservation.refund()
            return
        pages = outcome.result.pages or 0
        self._documents += 1
        self._pages += pages
        reservation.settle(pages)
