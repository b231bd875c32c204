"""Options that say who scores."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pipeline.settings import Settings, load_settings


class Executor(StrEnum):
    """Who scores a backlog."""

    LOCAL = "local"
    SPARK = "spark"


ExecutorOption = Annotated[
    Executor | None,
    typer.Option("--executor", help="Who scores: this machine's workers, or Spark.", show_default=False),
]
MasterOption = Annotated[
    str | None,
    typer.Option(
        "--master", help="Where Spark is: local[*], spark://HOST:PORT, sc://HOST, ...", show_default=False
    ),
]


def crew_settings(executor: Executor | None, master: str | None) -> Settings:
    """The settings of this process with what the options say. Raises RunError."""
    stated = {"executor": executor.value if executor else None, "spark_master": master}
    return load_settings(**{name: value for name, value in stated.items() if value is not None})
