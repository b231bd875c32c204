"""What this product costs beside its engines: an engine that answers at once, from listing to committed rows.

    python bench/overhead.py                       # 20,000 documents of 20 fields on SQLite
    python bench/overhead.py --documents 2000      # a tenth
    python bench/overhead.py --postgresql          # and on PostgreSQL, the one of the tests' wheel
    python bench/overhead.py --workers 2           # and with worker processes, as the local engine has them

A whole run: rows, lease, listing of a folder, claims, scoring, values and views, by the code that a user's
run takes. Only the engine is a can: one page of 160 words and 20 fields, out of 2,000 different ones, as
strings, dates, amounts and numbers. It answers in a thread of the run's own process, where the service
engines wait for theirs too; there is no output folder. The rate is documents by seconds of the wall, the
stages are CPU time: what a stage takes less what it calls of the others.
Exit code 1: the limit is missed, or a document did not end with its values.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from pydantic import SecretStr
from sqlalchemy import func, select

from bench.figures import add_record_option, all_reached, figure, heading, machine_line, record
from pipeline.cli.running import Lines
from pipeline.db import claims, deliveries, documents, models, operations, targets
from pipeline.db.connection import reading
from pipeline.db.tables import document, field_value
from pipeline.executors.processes import ProcessExecutor, WorkerLimits
from pipeline.executors.threads import ThreadExecutor
from pipeline.orchestrator import preparing
from pipeline.orchestrator.run import execute
from pipeline.orchestrator.run_context import RunOptions
from pipeline.params import table
from pipeline.params.rules import validate
from pipeline.ports import Executor, Outcome
from pipeline.scoring import document as scoring
from pipeline.scoring import stage
from pipeline.settings import Settings, load_settings
from pipeline.storage.folder import FolderStorage
from pipeline.types import (
    Box,
    DocumentResult,
    ExtractedField,
    FieldSpec,
    FieldType,
    LabelledForm,
    Layout,
    Line,
    Page,
    Polygon,
    Trained,
    Word,
)
from pipeline.wiring import App, open_app, run_context, utc_now
from tests.databases.postgresql import PostgresqlMissingError, running_postgresql

RATE_LIMIT = 1000.0
ANSWERS, WORDS = 2000, 160
CONTAINER, ROW, MODEL = "lake", "bills", "canned-1"
PADDING = b"\n% what a small document weighs".ljust(2048, b".")

# --- the engine -------------------------------------------------------------------------------------


FIELDS: tuple[tuple[str, FieldType, str, str], ...] = (
    ("Supplier", "string", "not-specified", "Drawn Goods {k} Ltd."),
    ("Customer", "string", "not-specified", "Customer  No {n}"),
    ("Street", "string", "not-specified", "{k} Long Street, Suite {d}"),
    ("City", "string", "not-specified", "{n} Fairview"),
    ("Invoice No", "string", "no-whitespaces", "INV {n:08d}"),
    ("Order No", "string", "alphanumeric", "PO-{n:08d}/{m}"),
    ("Invoice Date", "date", "mdy", "{m:02d}/{d:02d}/20{y}"),
    ("Due Date", "date", "not-specified", "{m}/{d}/{y}"),
    ("Delivered", "date", "ymd", "20{y}-{m:02d}-{d:02d}"),
    ("Ordered", "date", "not-specified", "{d} March 20{y}"),
    ("Net", "currency", "not-specified", "${k},{t:03d}.{c:02d}"),
    ("Tax", "currency", "not-specified", "$ {k}.{c:02d}"),
    ("Shipping", "currency", "not-specified", "{k}.{c:02d}"),
    ("Discount", "currency", "decimal", "-{k}.{c:02d} USD"),
    ("Total", "currency", "not-specified", "USD {k},{t:03d}.{c:02d}"),
    ("Weight", "number", "decimal", "{k}.{t:03d}"),
    ("Rate", "number", "not-specified", "{d}.5 %"),
    ("Volume", "number", "decimal-comma-seperated", "{k}.{t:03d},{c:02d}"),
    ("Pieces", "integer", "not-specified", "{n}"),
    ("Packages", "integer", "not-specified", "{m},{t:03d}"),
)
"""Twenty fields: name, type, format, and what their texts look like."""
SPECS = tuple(FieldSpec(name, kind, form) for name, kind, form, _ in FIELDS)


class CannedEngine:
    """Answers at once: which of its pages and fields by the content of the document."""

    def __init__(self) -> None:
        random = Random(7)
        boxes = [Box(x, y, round(x + 0.8, 4), round(y + 0.1, 4)).polygon for x, y in _places(random)]
        words = [Word(f"word{n}", box, 0.9 + n / 2000) for n, box in enumerate(boxes)]
        lines = [Line("", words[n].polygon, tuple(words[n : n + 5])) for n in range(0, WORDS, 5)]
        self._layout = Layout((Page(1, 8.5, 11.0, "inch", tuple(lines)),), 1)
        self._answers = [_answer(random, boxes) for _ in range(ANSWERS)]
        self._next = threading.local()

    def layout(self, content: bytes, *, max_pages: int, file_type: str | None = None) -> Layout:
        self._next.answer = self._answers[int(content[2:10]) % ANSWERS]
        return self._layout

    def train(self, forms: Sequence[LabelledForm], fields: Sequence[FieldSpec], *, labels: bool) -> Trained:
        raise NotImplementedError

    def extract(self, model_id: str, layout: Layout) -> tuple[ExtractedField, ...]:
        answer: tuple[ExtractedField, ...] = self._next.answer
        return answer


def _places(random: Random) -> Iterator[tuple[float, float]]:
    """In inches, to four places as the services give them."""
    return ((random.randrange(75_000) / 1e4, random.randrange(105_000) / 1e4) for _ in range(WORDS))


def _answer(random: Random, boxes: Sequence[Polygon]) -> tuple[ExtractedField, ...]:
    return tuple(
        ExtractedField(name, text.format_map(_numbers(random)), 1, random.choice(boxes), _sure(random), 0.97)
        for name, _, _, text in FIELDS
    )


def _numbers(random: Random) -> dict[str, int]:
    """Month, day and year, thousands, three digits, cents, and a long number."""
    most = {"m": 12, "d": 28, "y": 26, "k": 999, "t": 999, "c": 99, "n": 99_999_999}
    least = {"m": 1, "d": 1, "y": 14, "k": 1}
    return {name: random.randint(least.get(name, 0), highest) for name, highest in most.items()}


def _sure(random: Random) -> float:
    return 0.75 + random.random() / 4


@dataclass(slots=True)
class Desk:
    """What performs the tasks, in a thread or a worker process: `pipeline.worker` with the canned engine."""

    storage: FolderStorage
    engine: CannedEngine = field(default_factory=CannedEngine)

    def perform(self, task: Any) -> DocumentResult:
        assert isinstance(task, scoring.ScoreTask)
        return scoring.score_document(task, self.storage, self.engine)


_desk: list[Desk] = []


def prepare_worker(root: Path) -> None:
    _desk[:] = [Desk(FolderStorage(root))]


def perform_in_worker(task: Any) -> DocumentResult:
    return _desk[0].perform(task)


# --- the watch --------------------------------------------------------------------------------------

LISTING = "listing, compared and written"
CLAIMING = "claiming, and what claims still stand"
HANDING = "executor: handing over and back"
READING = "reading and hashing the document"
ENGINE = "the engine's answer"
TYPING = "typing and judging values"
WRITING = "writing values and outcomes"
DELIVERING = "deliveries, targets, ledger"
TRANSACTIONS = "transactions: begin, lease, commit"
OTHER = "other: rows, views, tally, progress"
STAGES = (
    LISTING, CLAIMING, HANDING, READING, ENGINE, TYPING, WRITING, DELIVERING, TRANSACTIONS, OTHER,
)  # fmt: skip


class _Hand:
    """One thread's: the stages it is in, and since when it is in the innermost."""

    def __init__(self, outermost: str) -> None:
        self.seconds: dict[str, float] = dict.fromkeys(STAGES, 0.0)
        self._inside = [outermost]
        self._since = time.thread_time()

    def enter(self, name: str) -> None:
        self._charge()
        self._inside.append(name)

    def leave(self) -> None:
        self._charge()
        self._inside.pop()

    def _charge(self) -> None:
        now = time.thread_time()
        self.seconds[self._inside[-1]] += now - self._since
        self._since = now


class StopWatch:
    """CPU time by stage, over all threads; the time of a stage within another is not the other's. What no
    stage of a worker thread takes is the executor's."""

    def __init__(self) -> None:
        self._hands: list[_Hand] = []
        self._mine = threading.local()
        self._begun = time.process_time()
        self._hand(OTHER)

    def of(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def timed(*arguments: Any, **named: Any) -> Any:
            hand = self._hand(HANDING)
            hand.enter(name)
            try:
                return call(*arguments, **named)
            finally:
                hand.leave()

        return timed

    def each(self, name: str, source: Iterator[Any]) -> Iterator[Any]:
        """The same items, the making of each timed."""
        take, nothing = self.of(name, next), object()
        while (item := take(source, nothing)) is not nothing:
            yield item

    def seconds(self) -> dict[str, float]:
        """By stage, since the watch was made; what no hand saw (heartbeats) is `OTHER`."""
        self._hand(OTHER).enter(OTHER)
        found = {name: sum(hand.seconds[name] for hand in self._hands) for name in STAGES}
        found[OTHER] += time.process_time() - self._begun - sum(found.values())
        return found

    def _hand(self, outermost: str) -> _Hand:
        hand: _Hand | None = getattr(self._mine, "hand", None)
        if hand is None:
            hand = self._mine.hand = _Hand(outermost)
            self._hands.append(hand)
        return hand


@dataclass(slots=True)
class TimedExecutor:
    """An executor under a watch."""

    inner: Executor
    watch: StopWatch

    def map(
        self, tasks: Any, *, parallelism: int, timeout: Callable[[Any], float]
    ) -> Iterator[Outcome[Any, object]]:
        taken = self.watch.each(CLAIMING, iter(tasks))
        made = self.inner.map(taken, parallelism=parallelism, timeout=timeout)
        return self.watch.each(HANDING, made)

    def close(self) -> None:
        self.inner.close()


_WATCHED: tuple[tuple[Any, str, str], ...] = (
    (preparing, "synchronise", LISTING),
    (claims, "claim", CLAIMING),
    (claims, "standing", CLAIMING),
    (operations, "of_documents", CLAIMING),
    (stage, "transact", TRANSACTIONS),
    (stage, "consult", TRANSACTIONS),
    (documents, "finish", WRITING),
    (targets, "refresh", DELIVERING),
    (operations, "finish_of_documents", DELIVERING),
    (deliveries, "queue", DELIVERING),
    (scoring, "conclude", TYPING),
    (scoring, "score_document", READING),
    (CannedEngine, "layout", ENGINE),
    (CannedEngine, "extract", ENGINE),
)


@contextmanager
def watched() -> Iterator[StopWatch]:
    """The run's functions under a watch, by the names they are called by."""
    watch = StopWatch()
    before = [(place, name, getattr(place, name)) for place, name, _ in _WATCHED]
    for place, name, stage_name in _WATCHED:
        setattr(place, name, watch.of(stage_name, getattr(place, name)))
    try:
        yield watch
    finally:
        for place, name, call in before:
            setattr(place, name, call)


# --- a run ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of the wall and CPU of this process, CPU by stage where that was watched, peak resident set."""

    seconds: float
    cpu: float
    stages: dict[str, float]
    peak_mb: float


def write_backlog(root: Path, count: int) -> None:
    """Small files, no two of them equal, a thousand to a folder."""
    (root / CONTAINER / "training").mkdir(parents=True)
    for number in range(count):
        folder = root / CONTAINER / "backlog" / f"{number // 1000:04d}"
        if not number % 1000:
            folder.mkdir(parents=True)
        content = f"% {number:08d} {hashlib.sha256(str(number).encode()).hexdigest()}".encode()
        (folder / f"document-{number:08d}.pdf").write_bytes(content + PADDING)


def set_up(url: str, root: Path) -> App:
    """A database with one form type and its model; no document is known yet."""
    settings: Settings = load_settings(database_url=SecretStr(url), storage_root=root)
    app = open_app(settings, upgrade=True)
    row = {
        "form_type": ROW,
        "training_container_name": CONTAINER,
        "training_blob_root_folder": "training",
        "scoring_container_name": CONTAINER,
        "scoring_input_blob_folder": "backlog",
        "locale": "en-US",
        "retrain": "never",
    }
    judged = validate([row], [], app.services, utc_now().date())
    assert not judged.faults, judged.faults
    new = models.NewVersion(ROW, "local", None, "form", "0" * 64, SPECS, 5)
    with app.database.begin() as connection:
        table.save(connection, judged.form_types)
        key = models.insert_version(connection, new, 1, MODEL, utc_now())
        digest = models.store_bundle(connection, b"canned")
        models.move(connection, key, "active", expected=("training",), bundle_sha256=digest)
    return app


def run(app: App, readers: Executor, watch: StopWatch | None) -> Measured:
    """One run to its end."""
    timed = TimedExecutor(readers, watch) if watch else readers
    peak = Peak()
    with Lines() as listener, run_context(app, lambda: False, listener) as context, peak:
        started, cpu = time.perf_counter(), time.process_time()
        summary = execute(replace(context, readers=timed), RunOptions())
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    assert summary.state == "finished", summary
    return Measured(seconds, cpu, watch.seconds() if watch else {}, peak.megabytes)


class Peak:
    """The largest resident set of this process while a block runs, MiB."""

    def __init__(self) -> None:
        self.megabytes = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        me = psutil.Process()
        ended = False
        while not ended:
            ended = self._ended.wait(0.05)
            self.megabytes = max(self.megabytes, me.memory_info().rss / 2**20)


def report(app: App, count: int, measured: Measured, limit: float | None) -> None:
    """Print the figures and what shows that the work was done."""
    loaded, values = _done(app)
    figure("documents loaded", loaded, count)
    figure("values of these", values, count * len(FIELDS))
    figure("documents per second", count / measured.seconds, limit, "1/s")
    per_document = 1e6 / count
    figure("CPU per document", measured.cpu * per_document, None, "µs")
    figure("waiting for disk or others, per document", (measured.seconds - measured.cpu) * per_document)
    total = sum(measured.stages.values())
    for name, seconds in measured.stages.items():
        figure(f"  {name}", seconds * per_document, None, f"µs  {100 * seconds / total:.0f}%")
    figure("peak resident set", measured.peak_mb, None, "MB")


def _done(app: App) -> tuple[int, int]:
    with reading(app.database) as connection:
        loaded = select(func.count()).select_from(document).where(document.c.outcome == "loaded")
        values = select(func.count()).select_from(field_value)
        return connection.scalar(loaded) or 0, connection.scalar(values) or 0


def in_threads(url: str, root: Path, count: int, threads: int, limit: float | None) -> None:
    """Everything in this process."""
    app = set_up(url, root)
    executor = ThreadExecutor(Desk(FolderStorage(root)).perform, threads)
    try:
        with watched() as watch:
            measured = run(app, executor, watch)
    finally:
        executor.close()
    report(app, count, measured, limit)
    app.database.dispose()


def in_processes(url: str, root: Path, count: int, workers: int) -> None:
    """Scored in worker processes; the CPU is that of the process that hands out and commits."""
    app = set_up(url, root)
    limits = WorkerLimits(workers, app.settings.reader_memory_mb, app.settings.documents_per_reader)
    executor = ProcessExecutor(perform_in_worker, prepare_worker, (root,), limits)
    try:
        report(app, count, run(app, executor, None), None)
    finally:
        executor.close()
    app.database.dispose()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=1, help="that score, in this process")
    parser.add_argument("--workers", type=int, default=0, help="measure with this many processes as well")
    parser.add_argument("--postgresql", action="store_true", help="measure on PostgreSQL as well")
    add_record_option(parser)
    options = parser.parse_args()
    print(machine_line())
    with TemporaryDirectory() as scratch, ExitStack() as servers:
        root, count = Path(scratch) / "lake", options.documents
        write_backlog(root, count)
        heading(f"{count} documents, SQLite, one process")
        in_threads(f"sqlite:///{scratch}/one.db", root, count, options.threads, RATE_LIMIT)
        if options.workers:
            heading(f"{count} documents, SQLite, {options.workers} worker processes")
            in_processes(f"sqlite:///{scratch}/workers.db", root, count, options.workers)
        if options.postgresql:
            heading(f"{count} documents, PostgreSQL, one process")
            try:
                server = servers.enter_context(running_postgresql())
                in_threads(server.create(), root, count, options.threads, None)
            except PostgresqlMissingError as error:
                print(error)
    record(options.record)
    return 0 if all_reached() else 1


if __name__ == "__main__":
    raise SystemExit(main())
