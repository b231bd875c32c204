"""What the hands of a run are told, and what they tell. These travel between machines: they hold no secret,
and nothing that lives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.db.allotments import WHOLE
from pipeline.db.spans import Span
from pipeline.orchestrator.routing import Routes
from pipeline.prices import Price
from pipeline.scoring.spending import Limits
from pipeline.scoring.stage import ScoringLimits
from pipeline.types import FormType, ModelVersion

HANDS_LOST = "hands-lost"


@dataclass(frozen=True, slots=True)
class Order:
    """What they are told of a row. `run_id`: the run they belong to; `limits`: those of the row and of the
    whole run."""

    run_id: int
    row: FormType
    version: ModelVersion
    scoring: ScoringLimits
    price: Price
    limits: tuple[Limits, Limits]
    stored: frozenset[str] | None = None
    routes: Routes = field(default_factory=Routes)

    @property
    def names(self) -> tuple[str, str]:
        """Under which the allotments of the row, and of the whole run, are kept."""
        return self.row.form_type, WHOLE

    @property
    def limited(self) -> bool:
        """Whether pages or cost are."""
        return any(each.pages is not None or each.cost is not None for each in self.limits)


@dataclass(frozen=True, slots=True)
class HandReport:
    """What a hand tells beside what it committed. `ended`: reason and message of what ended it before its
    time; `refused`: the limit that it came to."""

    ended: tuple[str, str] | None = None
    refused: str | None = None
    begun_again: int = 0
    taken_away: int = 0
    left_out: int = 0
    too_large: tuple[str, ...] = ()
    discarded: dict[str, int] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def of(cls, plain: dict[str, Any]) -> HandReport:
        ended = plain["ended"]
        return cls(**plain | {"ended": tuple(ended) if ended else None, "too_large": (*plain["too_large"],)})


@dataclass(frozen=True, slots=True)
class Crew:
    """Where hands work. `slots`: how many at once. `send` has a hand work on each span, and gives their
    reports when all have ended; it raises AttemptError (`hands-lost`) where it gave up, and RowError.
    `cancel` ends what `send` is about, from any thread."""

    slots: Callable[[], int]
    send: Callable[[Order, Sequence[Span]], list[HandReport]]
    cancel: Callable[[], None]
