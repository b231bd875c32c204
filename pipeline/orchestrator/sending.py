"""Who sends the documents of a row to its further sinks: one run at a time."""

from __future__ import annotations

from contextlib import ExitStack

from pipeline.db import deliveries
from pipeline.delivering.courier import Courier, DeliveryContext
from pipeline.errors import RowError
from pipeline.orchestrator.leasing import HELD_ELSEWHERE, Guard, held, sink_lease
from pipeline.orchestrator.run_context import RunContext
from pipeline.types import FormType


def courier_of(
    context: RunContext, row: FormType, guard: Guard, turn: ExitStack, *, patience: float = 0.0
) -> Courier | None:
    """The courier of a row until `turn` ends; None where the row has no sink but SQL, or another run sends
    for longer than `patience` seconds."""
    sources = context.sources
    if not deliveries.further(row.sinks):
        return None
    try:
        turn.enter_context(
            held(sources.database, sink_lease(row.form_type), context.terms, patience=patience)
        )
    except RowError as error:
        if error.reason != HELD_ELSEWHERE:
            raise
        return None
    return Courier(DeliveryContext(sources.database, context.sinks, sources.now, guard, context.ending), row)


def send_what_waits(context: RunContext, row: FormType, guard: Guard) -> None:
    """Send what earlier runs left, which needs no model and no listing."""
    with ExitStack() as turn:
        courier = courier_of(context, row, guard, turn)
        if courier:
            with context.observer.stage("deliver", row):
                courier.send()
