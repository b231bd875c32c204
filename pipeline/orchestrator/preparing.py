"""Make a group ready for scoring: its model, and what its backlogs hold. One run at a time does this for a
group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from pipeline.db import models
from pipeline.db.transactions import consult
from pipeline.errors import RowError
from pipeline.orchestrator.leasing import HELD_ELSEWHERE, LEASE_LOST, Guard, both, group_lease, held
from pipeline.orchestrator.run_context import RunContext
from pipeline.orchestrator.service_access import LANGUAGE, LOCAL, GroupAccess
from pipeline.orchestrator.service_training import ServiceTraining
from pipeline.orchestrator.survey import decide
from pipeline.orchestrator.text_training import TextTraining
from pipeline.orchestrator.training_run import TrainingContext, adopt_model, train_group
from pipeline.scoring.backlog import BacklogChanges, synchronise
from pipeline.scoring.spending import OVER_LIMIT
from pipeline.training.decision import TrainingDecision
from pipeline.training.records import TrainingFolder
from pipeline.training.registry import NamedModel, model_known_here
from pipeline.types import FormType, ModelVersion

Attempt = Callable[[Sequence[FormType], Callable[[], object]], object]
"""Does some work for rows; what it does wrong ends these rows, and it gives None."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What scoring needs of a group: its model, why it is this one, and what the listings of rows said."""

    reason: str
    version: ModelVersion
    listings: Mapping[str, BacklogChanges]


class Preparation:
    """The work on one group. `rows`: all of them; `wanted`: those that were asked for."""

    def __init__(
        self,
        context: RunContext,
        rows: tuple[FormType, ...],
        wanted: Sequence[FormType],
        guard: Guard,
        attempt: Attempt,
    ) -> None:
        self._context = context
        self._rows = rows
        self._wanted = wanted
        self._guard = guard
        self._attempt = attempt

    def prepare(self) -> Prepared:
        """Train or adopt a model where that is due, and bring the backlogs up to date. Raises RowError where
        there is no model to score with."""
        context, group = self._context, self._rows[0].group
        try:
            with held(context.sources.database, group_lease(group), context.terms) as lease:
                return self._prepare_alone(both(lease, self._guard))
        except RowError as error:
            if error.reason != HELD_ELSEWHERE:
                raise
            return self._share(error)

    def _prepare_alone(self, guard: Guard) -> Prepared:
        with self._context.observer.stage("train", self._wanted[0]):
            decision, version = self._model(guard)
        if version is None:
            raise RowError(decision.reason, reason="no-model")
        access = self._access(guard)
        access.ledger(self._rows[0].group).sweep()
        access.drop_foreign(self._rows[0], version)
        listings = {}
        for row in self._wanted:
            changes = self._attempt([row], partial(self._list, row, guard))
            if isinstance(changes, BacklogChanges):
                listings[row.form_type] = changes
        return Prepared(decision.reason, version, listings)

    def _share(self, error: RowError) -> Prepared:
        """Another run trains or lists: help it with what is pending, where there is a model already."""
        version = self._active()
        if version is None:
            raise error
        reason = f"{error}; scored beside it with version {version.version}"
        return Prepared(reason, version, {row.form_type: BacklogChanges() for row in self._wanted})

    def _list(self, row: FormType, guard: Guard) -> BacklogChanges:
        sources = self._context.sources
        storage = sources.storages.of(row.secrets.scoring)
        stopping = self._context.ending
        with self._context.observer.stage("list", row):
            return synchronise(
                sources.database, storage, row, now=sources.now, guard=guard, stopping=stopping
            )

    def _model(self, guard: Guard) -> tuple[TrainingDecision, ModelVersion | None]:
        context = self._context
        folder, decision = decide(context.sources, self._rows)
        training = self._training(guard)
        if decision.action == "train" and (over := context.allowance.begin_training()):
            if self._active() is None:
                raise RowError(over, reason=OVER_LIMIT)
            decision = replace(decision, reason=f"{decision.reason}; not trained: {over}")
        elif decision.action == "train":
            made = self._train(training, folder)
            decision = replace(decision, reason=f"{decision.reason}; {made}" if made else decision.reason)
        elif decision.action == "adopt" and decision.model_id:
            adopt_model(training, self._rows[0], folder, self._named(decision.model_id, folder, guard))
        return decision, self._active()

    def _active(self) -> ModelVersion | None:
        group = self._rows[0].group
        return consult(self._context.sources.database, partial(models.active, group=group))

    def _training(self, guard: Guard) -> TrainingContext:
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

    def _access(self, guard: Guard) -> GroupAccess:
        context = self._context
        return GroupAccess(context.services, context.sources.database, context.terms, guard, context.ending)

    def _named(self, model_id: str, folder: TrainingFolder, guard: Guard) -> NamedModel:
        row = self._rows[0]
        if row.engine != LOCAL:
            return self._access(guard).named_model(row, model_id, folder.fields)
        database = self._context.sources.database
        return consult(database, lambda connection: model_known_here(connection, row, model_id))

    def _made(self, training: TrainingContext, folder: TrainingFolder) -> ModelVersion:
        row, sources = self._rows[0], self._context.sources
        if row.engine == LOCAL:
            return train_group(training, self._rows, folder)
        access, storage = self._access(training.guard), sources.storages.of(row.secrets.training)
        if row.engine == LANGUAGE:
            texts = access.text_driver(row, row.api_version)
            return TextTraining(training, texts, storage).train(self._rows, folder)
        driver = access.driver(row, row.engine, row.api_version)
        service = sources.services[row.engine]
        allowance = self._context.allowance
        price = allowance.prices.of(row.engine, row.api_version, "layout")
        spending = allowance.spending(self._wanted[0], price)
        return ServiceTraining(training, driver, storage, service, spending).train(self._rows, folder)

    def _train(self, training: TrainingContext, folder: TrainingFolder) -> str:
        """Train; a group that has a model goes on with it when the new training fails."""
        try:
            version = self._made(training, folder)
        except RowError as error:
            if error.reason == LEASE_LOST or self._active() is None:
                raise
            return f"not trained: {error}" if error.reason == OVER_LIMIT else f"training failed ({error})"
        if version.state == "active":
            judged = f" ({version.reason})" if version.version > 1 else ""
            return f"version {version.version} trained{judged}"
        return f"version {version.version} stays a candidate: {version.reason}"
