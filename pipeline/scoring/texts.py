"""Score texts on a service: the executor of rows whose documents are asked of a deployed model of texts,
many in a request."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from pipeline.errors import RowError
from pipeline.operations.driver import OperationDriver
from pipeline.operations.submission import TAKEN_AWAY, Submission
from pipeline.ports import Executor, Outcome, Storage, Task, TextService
from pipeline.remote import OperationState, TextItem
from pipeline.scoring.charging import charged_together, reserve
from pipeline.scoring.document import Found, ScoreTask, conclude
from pipeline.scoring.long_texts import PIECE_ID, PieceOf, begun, long_text
from pipeline.scoring.reuse import Reuse
from pipeline.scoring.spending import Spending
from pipeline.scoring.text_answers import answer_of
from pipeline.scoring.text_batches import Entry, Filling, halves, patiently, records
from pipeline.scoring.text_document import fields_of
from pipeline.scoring.text_staging import StagedText, TextStageTask
from pipeline.texts import ProjectKind, TextAnswer, TextDocument, TextKind, TextModelId, project_kind
from pipeline.types import DocumentResult, ModelVersion
from pipeline.wire.language.batches import CHARACTERS

Ended = DocumentResult | Exception
_DIVIDED = {"refused-by-service", "failed-at-service", TAKEN_AWAY}
"""Reasons of a whole request that may be those of one of its documents."""


@dataclass(frozen=True, slots=True)
class TextScoring:
    """An Executor of ScoreTasks. `readers` read the documents (nothing is paid for that), `driver` sends
    their texts. `folder` holds what was read; `seconds`: what a request may take at the service; `linger`:
    how long a text waits for others, in seconds."""

    driver: OperationDriver[TextService]
    readers: Executor
    storage: Storage
    version: ModelVersion
    folder: Path
    seconds: float
    spending: Spending = field(default_factory=Spending)
    reuse: Reuse | None = None
    linger: float = 5.0
    clock: Callable[[], float] = time.monotonic

    def map(
        self, tasks: Iterable[Task], *, parallelism: int, timeout: Callable[[Task], float]
    ) -> Iterator[Outcome[Task, object]]:
        """Raises RowError (`model-missing`) for a version whose model id names no deployment."""
        asking = _Asking(self, model_of(self.version))
        scored = cast(Iterable[ScoreTask], tasks)
        seconds = cast(Callable[[ScoreTask], float], timeout)
        for outcome in asking.outcomes(scored, parallelism, seconds):
            yield cast(Outcome[Task, object], outcome)

    def close(self) -> None:
        """The readers are the caller's."""


def model_of(version: ModelVersion) -> TextModelId:
    """What a version's texts are sent to. Raises RowError (`model-missing`)."""
    model = TextModelId.parse(version.service_model_id)
    if model is None:
        raise RowError(
            f"version {version.version} names no deployed model ({version.service_model_id!r}): set model_id "
            "to -1 to train one",
            reason="model-missing",
        )
    return model


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """Texts that go in one request."""

    entries: tuple[Entry, ...]


class _Asking:
    """One pass through a backlog. Submissions are made in the driver's source thread, outcomes are taken in
    the caller's; what goes again is handed over in `_again`."""

    def __init__(self, scoring: TextScoring, model: TextModelId) -> None:
        self._scoring = scoring
        self._model = model
        kind: TextKind = "entities" if scoring.version.model_kind == "entities" else "classes"
        self._kind: ProjectKind = project_kind(kind, multi_label=model.multi_label)
        self._again: deque[Submission] = deque()

    def outcomes(
        self, tasks: Iterable[ScoreTask], parallelism: int, timeout: Callable[[ScoreTask], float]
    ) -> Iterator[Outcome[Any, object]]:
        driver = self._scoring.driver
        source = self._submissions(tasks, parallelism, timeout)
        while True:
            for outcome in driver.perform(source, parallelism=parallelism):
                yield from self._told(outcome)
            if not self._again or driver.stopping():
                return
            source = self._going_again()

    # --- what is sent -------------------------------------------------------------------------------

    def _submissions(
        self, tasks: Iterable[ScoreTask], parallelism: int, timeout: Callable[[ScoreTask], float]
    ) -> Iterator[Submission | Outcome[Any, object]]:
        filling = Filling(self._scoring.linger, self._scoring.clock)
        for read in patiently(self._read(tasks, parallelism, timeout), filling.left):
            yield from self._going_again()
            if isinstance(read, Entry):
                yield from self._taken(read, filling)
            elif read is not None:
                yield read
            for entries in filling.due():
                yield self._submission(entries)
        for entries in filling.rest():
            yield self._submission(entries)

    def _going_again(self) -> Iterator[Submission]:
        while self._again:
            yield self._again.popleft()

    def _taken(self, entry: Entry, filling: Filling) -> Iterator[Submission]:
        if entry.staged.units > CHARACTERS:
            yield from self._pieces(entry)
        else:
            for entries in filling.add(entry):
                yield self._submission(entries)

    def _read(
        self, tasks: Iterable[ScoreTask], parallelism: int, timeout: Callable[[ScoreTask], float]
    ) -> Iterator[Entry | Outcome[Any, object]]:
        waiting: dict[int, ScoreTask] = {}
        scoring = self._scoring

        def reads() -> Iterator[TextStageTask]:
            for key, task in enumerate(tasks):
                waiting[key] = task
                document, model = task.document, task.model
                yield TextStageTask(
                    document.ref, task.account, scoring.folder, model.max_pages, model.file_type, key,
                    document.pages,
                )  # fmt: skip

        limit = timeout(cast(ScoreTask, None))
        for outcome in scoring.readers.map(reads(), parallelism=parallelism, timeout=lambda task: limit):
            task = waiting.pop(outcome.task.key)
            if outcome.error is not None:
                yield Outcome(task, error=outcome.error)
            else:
                yield self._entry(task, cast(StagedText, outcome.unwrap()))

    def _entry(self, task: ScoreTask, staged: StagedText) -> Entry | Outcome[Any, object]:
        """A text that must be sent; an outcome for one that is known, says nothing, or is over a limit."""
        scoring = self._scoring
        known = scoring.reuse.known(task, staged.document) if scoring.reuse else None
        if known is None and staged.blank:
            known = _outcome(task, self._judged(Entry(task, staged), TextAnswer()))
        if known is None:
            units = records(staged.units)
            reserved = reserve(scoring.spending, task, staged.document, chooses_pages=True, units=units)
            if not isinstance(reserved, Outcome):
                return Entry(task, staged, reserved, time.perf_counter())
            known = reserved
        staged.discard()
        return known

    def _submission(self, entries: tuple[Entry, ...]) -> Submission:
        scoring = self._scoring

        def submit() -> str:
            return self._submit([TextDocument(each.request_id, each.staged.text) for each in entries])

        def send() -> str:
            return charged_together([each.reserved for each in entries if each.reserved], submit)

        return Submission(
            kind="analyze",
            task=_Batch(entries),
            send=send,
            conclude=partial(self._ends, entries),
            seconds=scoring.seconds,
            documents=tuple(entry.task.document.id for entry in entries),
            model_version_id=scoring.version.id,
            operation=entries[0].task.operation,
        )

    def _pieces(self, entry: Entry) -> Iterator[Submission]:
        """A text that is too long for one request, in several. It is held by none of them: each is found
        again by its subject."""
        scoring, long = self._scoring, long_text(entry, entry.staged.text)
        known = begun(scoring.driver.ledger, scoring.version)
        paid = [entry.reserved] if entry.reserved else []
        for piece in long.pieces:
            documents = [TextDocument(PIECE_ID, piece.piece.text)]
            yield Submission(
                kind="analyze",
                task=piece,
                send=partial(charged_together, paid, partial(self._submit, documents)),
                conclude=lambda state: state.texts,
                seconds=scoring.seconds,
                subject=piece.subject,
                model_version_id=scoring.version.id,
                operation=known.get(piece.subject),
            )

    def _submit(self, documents: Sequence[TextDocument]) -> str:
        service, model = self._scoring.driver.engine, self._model
        return service.submit_texts(model.project, model.deployment, self._kind, documents)

    # --- what comes back ----------------------------------------------------------------------------

    def _told(self, outcome: Outcome[Any, object]) -> Iterator[Outcome[Any, object]]:
        """An outcome by document."""
        task = outcome.task
        if isinstance(task, PieceOf):
            yield from self._piece_told(task, outcome)
        elif not isinstance(task, _Batch):
            yield outcome
        elif outcome.error is None:
            ended = cast(Mapping[int, Ended], outcome.unwrap())
            for entry in task.entries:
                yield _outcome(entry.task, ended[entry.task.document.id])
                entry.staged.discard()
        elif len(task.entries) > 1 and getattr(outcome.error, "reason", "") in _DIVIDED:
            self._again.extend(self._submission(_anew(half)) for half in halves(task.entries))
        else:
            for entry in task.entries:
                yield Outcome(entry.task, error=outcome.error)
                entry.staged.discard()

    def _piece_told(self, piece: PieceOf, outcome: Outcome[Any, object]) -> Iterator[Outcome[Any, object]]:
        entry = piece.of.entry
        answer: TextAnswer | Exception
        if outcome.error is not None:
            answer = outcome.error
        else:
            answer = answer_of(cast(Sequence[TextItem], outcome.unwrap()), PIECE_ID)
        ended = piece.of.told(piece, answer, self._kind)
        if ended is None:
            return
        yield _outcome(entry.task, self._judged(entry, ended))
        entry.staged.discard()

    def _ends(self, entries: Sequence[Entry], state: OperationState) -> Mapping[int, Ended]:
        """How each document of a request ended: what is wrong with one ends that one."""
        return {
            entry.task.document.id: self._judged(entry, answer_of(state.texts, entry.request_id))
            for entry in entries
        }

    def _judged(self, entry: Entry, answer: TextAnswer | Exception) -> Ended:
        if isinstance(answer, Exception):
            return answer
        try:
            return self._result(entry, answer)
        except Exception as error:
            return error

    def _result(self, entry: Entry, answer: TextAnswer) -> DocumentResult:
        task, staged = entry.task, entry.staged
        layout = staged.layout
        guesses = task.model.guesses
        values = fields_of(answer, self._kind, staged.text, layout, guesses=guesses)
        found = Found(layout, values, staged.document.content_hash, staged.text)
        result = conclude(task, found, self._scoring.storage)
        by = task.operation.model_version_id if task.operation else None
        seconds = time.perf_counter() - entry.began if entry.began else None
        return replace(result, model_version_id=by, seconds=seconds)


def _anew(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """To be sent as if they had never been: the operation that held them came to nothing."""
    return tuple(replace(entry, task=replace(entry.task, operation=None)) for entry in entries)


def _outcome(task: ScoreTask, ended: Ended) -> Outcome[Any, object]:
    return Outcome(task, error=ended) if isinstance(ended, Exception) else Outcome(task, result=ended)
