"""Carry out a run: every chosen row, group by group; one row's trouble costs only that row."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from pipeline.db import documents, models
from pipeline.db.connection import reading
from pipeline.db.faults import ended_by
from pipeline.db.transactions import transact
from pipeline.delivering.courier import Courier, DeliveryContext, Trouble
from pipeline.errors import FormpipeError, RowError, RunError, place_of
from pipeline.orchestrator import bookkeeping
from pipeline.orchestrator.leasing import LeaseTerms, held
from pipeline.orchestrator.plan import run_order
from pipeline.orchestrator.progress import Listener, Note, Progress
from pipeline.orchestrator.service_access import LOCAL, GroupAccess, ServiceAccess
from pipeline.orchestrator.service_training import ServiceTraining
from pipeline.orchestrator.showing import Showing
from pipeline.orchestrator.survey import Sources, decide, load_rows, require_known
from pipeline.orchestrator.training_run import TrainingContext, adopt_model, train_group
from pipeline.ports import Executor, Sinks
from pipeline.scoring.backlog import synchronise
from pipeline.scoring.service import ServiceScoring
from pipeline.scoring.stage import ScoringContext, ScoringLimits, Tally, score_backlog, scoring_model
from pipeline.training.decision import TrainingDecision
from pipeline.training.membership import group_rows
from pipeline.training.records import TrainingFolder
from pipeline.training.registry import NamedModel, model_known_here
from pipeline.types import Fault, FormType, ModelVersion, RowEnd, RunRow


@dataclass(frozen=True, slots=True)
class RunContext:
    """Live objects and limits of a run. `scratch`: a folder this run's workers share."""

    sources: Sources
    readers: Executor
    trainer: Executor
    services: ServiceAccess
    terms: LeaseTerms
    limits: ScoringLimits
    training_timeout: float
    scratch: Path
    stopping: Callable[[], bool]
    listener: Listener
    sinks: Sinks


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What was asked for: form types (empty: all), and whether to score again what another model scored."""

    form_types: frozenset[str] = frozenset()
    rescore: bool = False


@dataclass(slots=True)
class RunSummary:
    """What came of a run."""

    run_id: int
    state: str = "finished"
    rows: list[RunRow] = field(default_factory=list)
    faults: tuple[Fault, ...] = ()
    troubles: list[Trouble] = field(default_factory=list)


def execute(context: RunContext, options: RunOptions) -> RunSummary:
    """Do a whole run. Raises RunError where nothing can be done at all."""
    database, now = context.sources.database, context.sources.now
    validated = load_rows(context.sources)
    require_known(options.form_types, validated)
    run_id = bookkeeping.begin(database, context.terms.holder, now())
    chosen_faults = [f for f in validated.faults if not options.form_types or f.row in options.form_types]
    summary = RunSummary(run_id, faults=tuple(chosen_faults))
    try:
        _record_faults(context, summary)
        _all_groups(context, options, validated.form_types, summary)
        summary.state = "stopped" if context.stopping() else "finished"
    except BaseException:
        summary.state = "failed"
        raise
    finally:
        bookkeeping.end(database, run_id, summary.state, now())
    return summary


def _record_faults(context: RunContext, summary: RunSummary) -> None:
    for name in dict.fromkeys(fault.row for fault in summary.faults):
        faults = [fault for fault in summary.faults if fault.row == name]
        reason = "; ".join(f"{fault.column}: {fault.remedy}" for fault in faults)
        _add_row(context, summary, RunRow(name[:40], "skipped", "faulty row", reason=reason))


def _all_groups(
    context: RunContext, options: RunOptions, form_types: Sequence[FormType], summary: RunSummary
) -> None:
    enabled = sorted((row for row in form_types if row.enabled), key=run_order)
    for rows in group_rows(enabled).values():
        wanted = [r for r in rows if not options.form_types or r.form_type in options.form_types]
        if wanted and not context.stopping():
            _GroupRun(context, options, summary, rows, wanted).execute()


_ENDS: dict[str, RowEnd] = {"held-elsewhere": "skipped", "stopped": "stopped"}


class _GroupRun:
    """One group: its model, then the backlog of each of its rows that was asked for."""

    def __init__(
        self,
        context: RunContext,
        options: RunOptions,
        summary: RunSummary,
        rows: tuple[FormType, ...],
        wanted: Sequence[FormType],
    ) -> None:
        self._context = context
        self._options = options
        self._summary = summary
        self._rows = rows
        self._wanted = sorted(wanted, key=run_order)
        self._left = list(self._wanted)

    def execute(self) -> None:
        """Never raises for what one group can do wrong: that becomes the row's reason."""
        group = self._rows[0].group
        try:
            with held(self._context.sources.database, group, self._context.terms) as guard:
                couriers = {row.form_type: self._courier(row, guard) for row in self._wanted}
                for courier in couriers.values():
                    courier.send()
                decision, version = self._model(guard)
                for row in self._wanted:
                    self._score(row, decision, version, guard, couriers[row.form_type])
                    self._left.remove(row)
        except FormpipeError as error:
            if isinstance(error, RunError):
                raise
            self._end_left(error.reason, str(error))
        except SQLAlchemyError as error:
            named = ended_by(error)
            if named is not None:
                raise named from error
            cause = type(getattr(error, "orig", None) or error).__name__
            raise RunError(
                f"the database failed ({cause} at {place_of(error)}): what was committed stays, run again",
                reason="database-failed",
            ) from error
        except Exception as error:
            bug = f"a bug: {type(error).__name__} at {place_of(error)}; please report it"
            self._end_left("unexpected-error", bug)

    def _end_left(self, reason: str, message: str) -> None:
        state: RowEnd = _ENDS.get(reason, "failed")
        for row in self._left:
            _add_row(
                self._context,
                self._summary,
                RunRow(row.form_type, state, reason=f"{reason}: {message}"),
            )

    def _model(self, guard: Callable[[Connection], None]) -> tuple[TrainingDecision, ModelVersion | None]:
        context = self._context
        folder, decision = decide(context.sources, self._rows)
        training = self._training(guard)
        if decision.action == "train":
            made = self._train(training, folder)
            decision = replace(decision, reason=f"{decision.reason}; {made}" if made else decision.reason)
        elif decision.action == "adopt" and decision.model_id:
            adopt_model(training, self._rows[0], folder, self._named(decision.model_id, folder, guard))
        with reading(context.sources.database) as connection:
            return decision, models.active(connection, self._rows[0].group)

    def _training(self, guard: Callable[[Connection], None]) -> TrainingContext:
        context = self._context
        return TrainingContext(
            context.sources,
            context.readers,
            context.trainer,
            guard,
            context.listener,
            context.limits.timeout,
            context.training_timeout,
            context.services.seconds,
            context.limits.max_pages,
            context.scratch,
        )

    def _access(self, guard: Callable[[Connection], None]) -> GroupAccess:
        context = self._context
        return GroupAccess(context.services, context.sources.database, context.terms, guard, context.stopping)

    def _named(
        self, model_id: str, folder: TrainingFolder, guard: Callable[[Connection], None]
    ) -> NamedModel:
        row = self._rows[0]
        if row.engine != LOCAL:
            return self._access(guard).named_model(row, model_id, folder.fields)
        with reading(self._context.sources.database) as connection:
            return model_known_here(connection, row, model_id)

    def _made(self, training: TrainingContext, folder: TrainingFolder) -> ModelVersion:
        row, sources = self._rows[0], self._context.sources
        if row.engine == LOCAL:
            return train_group(training, self._rows, folder)
        driver = self._access(training.guard).driver(row, row.engine, row.api_version)
        storage = sources.storages.of(row.secrets.training)
        service = sources.services[row.engine]
        return ServiceTraining(training, driver, storage, service).train(self._rows, folder)

    def _train(self, training: TrainingContext, folder: TrainingFolder) -> str:
        """Train; a group that has a model goes on with it when the new training fails."""
        try:
            version = self._made(training, folder)
        except RowError as error:
            with reading(self._context.sources.database) as connection:
                if error.reason == "lease-lost" or models.active(connection, self._rows[0].group) is None:
                    raise
            return f"training failed ({error})"
        if version.state == "active":
            judged = f" ({version.reason})" if version.version > 1 else ""
            return f"version {version.version} trained{judged}"
        return f"version {version.version} stays a candidate: {version.reason}"

    def _score(
        self,
        row: FormType,
        decision: TrainingDecision,
        version: ModelVersion | None,
        guard: Callable[[Connection], None],
        courier: Courier,
    ) -> None:
        started = time.monotonic()
        if version is None:
            raise RowError(decision.reason, reason="no-model")
        context = self._context
        storage = context.sources.storages.of(row.secrets.scoring)
        changes = synchronise(context.sources.database, storage, row, now=context.sources.now, guard=guard)
        executor = self._executor(row, version, guard)
        total = self._due(row, version, guard)
        showing = self._showing(row, version, guard)
        scoring = replace(self._scoring(row, executor, total, guard, courier), stored=showing.prepare())
        tally = score_backlog(scoring, row, version, context.limits)
        showing.finish(tally.discarded, scored=tally.finished > 0)
        courier.catch_up()
        state: RowEnd = "stopped" if context.stopping() else "finished"
        result = RunRow(
            form_type=row.form_type,
            state=state,
            decision="; ".join([decision.reason, *showing.sentences]),
            listed=changes.listed,
            loaded=tally.loaded,
            partial=tally.partial,
            dead=tally.dead,
            retried=tally.postponed,
            pages=tally.pages,
            ocr_pages=tally.ocr_pages,
            field_values=tally.values,
            seconds=round(time.monotonic() - started, 3),
            reason=self._reason(row, courier, None if total else changes.unchanged),
        )
        _add_row(context, self._summary, result)

    def _courier(self, row: FormType, guard: Callable[[Connection], None]) -> Courier:
        context = self._context
        sources = context.sources
        return Courier(
            DeliveryContext(sources.database, context.sinks, sources.now, guard, context.stopping), row
        )

    def _reason(self, row: FormType, courier: Courier, unchanged: int | None) -> str | None:
        """Why there was nothing to do, and which sinks did not get everything."""
        told = [] if unchanged is None else [f"nothing to score: {unchanged} documents unchanged"]
        for trouble in courier.troubles():
            self._summary.troubles.append(trouble)
            self._context.listener(Note("not-delivered", row.form_type, str(trouble)))
            told.append(str(trouble))
        return "; ".join(told) or None

    def _due(self, row: FormType, version: ModelVersion, guard: Callable[[Connection], None]) -> int:
        """Safe to do twice: what is pending already is not reset again, and nothing is scored before it."""
        now = self._context.sources.now()

        def work(connection: Connection) -> int:
            guard(connection)
            if self._options.rescore:
                documents.reset(
                    connection,
                    row.form_type,
                    outcomes=documents.RESCORED,
                    not_by_version=version.id,
                )
            return documents.count_pending(connection, row.form_type, now)[0]

        return transact(self._context.sources.database, work)

    def _executor(
        self, row: FormType, version: ModelVersion, guard: Callable[[Connection], None]
    ) -> Executor:
        """Worker processes for the local engine; for a service, what submits and asks."""
        context, access = self._context, self._access(guard)
        access.ledger(row.group).reconcile()
        access.drop_foreign(row, version)
        if version.engine == LOCAL:
            self._lay_out(version)
            return context.readers
        driver = access.driver(row, version.engine, version.api_version)
        storage = context.sources.storages.of(row.secrets.scoring)
        seconds = context.services.seconds
        return ServiceScoring(driver, context.readers, storage, version, context.scratch, seconds)

    def _lay_out(self, version: ModelVersion) -> None:
        file = self._context.scratch / version.service_model_id
        if file.exists():
            return
        with reading(self._context.sources.database) as connection:
            content = models.load_bundle(connection, version.id)
        if content is None:
            raise RowError(
                f"the model of version {version.version} is no longer stored: set model_id to -1",
                reason="model-missing",
            )
        file.write_bytes(content)

    def _scoring(
        self,
        row: FormType,
        executor: Executor,
        total: int,
        guard: Callable[[Connection], None],
        courier: Courier,
    ) -> ScoringContext:
        context = self._context

        def progress(tally: Tally) -> None:
            note = f"{tally.dead} dead" if tally.dead else ""
            context.listener(Progress(row.form_type, "score", tally.finished, total, note))

        return ScoringContext(
            database=context.sources.database,
            executor=executor,
            now=context.sources.now,
            guard=guard,
            stopping=context.stopping,
            progress=progress,
            run_id=self._summary.run_id,
            committed=courier.send,
        )

    def _showing(self, row: FormType, version: ModelVersion, guard: Callable[[Connection], None]) -> Showing:
        """A local model's fields are names read off forms; a service's may be columns of tables."""
        context = self._context
        return Showing(
            context.sources.database,
            row,
            scoring_model(row, version, context.limits).fields,
            nested=version.engine != LOCAL and row.use_label_file,
            run_id=self._summary.run_id,
            now=context.sources.now,
            guard=guard,
            listener=context.listener,
        )


def _add_row(context: RunContext, summary: RunSummary, row: RunRow) -> None:
    summary.rows.append(row)
    bookkeeping.write_row(context.sources.database, summary.run_id, row, context.sources.now())
    context.listener(Note(f"row-{row.state}", row.form_type, row.reason or row.decision or ""))
