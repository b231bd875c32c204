"""Options that limit a whole run."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from pipeline.orchestrator.allowance import RunLimits
from pipeline.settings import Settings
from pipeline.wiring import settings_limits


def amount(text: str) -> Decimal:
    """An amount of US dollars."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise typer.BadParameter("must be an amount in US dollars from 0 on, such as 12.50")
    return value


MaxPages = Annotated[
    int | None,
    typer.Option(
        "--max-pages", min=1, help="Pages of all rows together; the rest stays pending.", show_default=False
    ),
]
MaxCost = Annotated[
    Decimal | None,
    typer.Option(
        "--max-cost",
        parser=amount,
        metavar="USD",
        help="US dollars that all rows together may cost, at pay-as-you-go prices.",
        show_default=False,
    ),
]
MaxTrainRuns = Annotated[
    int | None,
    typer.Option("--max-train-runs", min=0, help="Models that may be trained.", show_default=False),
]
MaxMinutes = Annotated[
    float | None,
    typer.Option(
        "--max-minutes",
        min=0.01,
        max=525_600,
        help="Minutes after which nothing more is begun; the rest stays pending.",
        show_default=False,
    ),
]


def run_limits(
    settings: Settings,
    pages: int | None,
    cost: Decimal | None,
    train_runs: int | None,
    minutes: float | None = None,
) -> RunLimits:
    """The limits of a run: the options, where they are given, else the settings."""
    own = settings_limits(settings)
    return RunLimits(
        own.pages if pages is None else pages,
        own.cost if cost is None else cost,
        own.train_runs if train_runs is None else train_runs,
        own.minutes if minutes is None else minutes,
    )
