"""What is to go wrong, and when: rules that match calls and jobs, and what they do to them. Pure but for the
dice and counters it keeps."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import RunError

Action = Literal[
    "status",
    "drop-before",
    "drop-after",
    "delay",
    "job-seconds",
    "stuck",
    "fail",
    "invalid-model",
    "expired-sas",
    "two-pages",
    "gone",
    "retired",
    "forget-result",
]
OF_CALLS = ("status", "drop-before", "drop-after", "delay", "gone", "retired")
OF_JOBS = ("job-seconds", "stuck", "fail", "invalid-model", "expired-sas", "two-pages", "forget-result")


class Latency(BaseModel):
    """Seconds, drawn anew for each call: `fixed`, `uniform` between `low` and `high`, or `log-normal`."""

    model_config = ConfigDict(extra="forbid")

    distribution: Literal["fixed", "uniform", "log-normal"] = "fixed"
    seconds: float = Field(default=0.0, ge=0)
    low: float = Field(default=0.0, ge=0)
    high: float = Field(default=0.0, ge=0)
    median: float = Field(default=1.0, gt=0)
    sigma: float = Field(default=0.5, ge=0)

    def draw(self, dice: random.Random) -> float:
        if self.distribution == "uniform":
            return dice.uniform(self.low, self.high)
        if self.distribution == "log-normal":
            return dice.lognormvariate(math.log(self.median), self.sigma)
        return self.seconds


class FaultRule(BaseModel):
    """`route` and `operation_class` say which calls (empty: all), `nth` which of those (counted from 1),
    `every` each so-manyth, `probability` how often; `count` is how often at most. `on`: the day
    by which versions are retired, today where it is not given."""

    model_config = ConfigDict(extra="forbid")

    action: Action
    route: str = ""
    operation_class: str = ""
    nth: tuple[int, ...] = ()
    every: int = Field(default=0, ge=0)
    probability: float = Field(default=1.0, ge=0, le=1)
    count: int | None = Field(default=None, ge=0)
    status: int = Field(default=503, ge=400, le=599)
    code: str = ""
    message: str = ""
    retry_after: int | None = Field(default=None, ge=0)
    latency: Latency = Latency()
    on: date | None = None


class FaultFile(BaseModel):
    """The whole plan, as a file or an admin call gives it."""

    model_config = ConfigDict(extra="forbid")

    seed: int = 0
    rules: tuple[FaultRule, ...] = ()


@dataclass(slots=True)
class _Seen:
    matched: int = 0
    done: int = 0


@dataclass(slots=True)
class FaultPlan:
    """A plan in force. Usable from several threads."""

    rules: Sequence[FaultRule] = ()
    seed: int = 0
    _seen: list[_Seen] = field(default_factory=list)
    _dice: random.Random = field(default_factory=random.Random)
    _lock: Any = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.load(FaultFile(seed=self.seed, rules=tuple(self.rules)))

    def load(self, file: FaultFile) -> None:
        """Take another plan; counting begins anew."""
        with self._lock:
            self.rules, self.seed = file.rules, file.seed
            self._seen = [_Seen() for _ in file.rules]
            self._dice = random.Random(file.seed)

    def strike(self, route: str, operation_class: str, among: Sequence[str]) -> list[FaultRule]:
        """The rules that hit this call (`among` OF_CALLS) or job (`among` OF_JOBS)."""
        with self._lock:
            return [
                rule
                for rule, seen in zip(self.rules, self._seen, strict=True)
                if rule.action in among and self._hits(rule, seen, route, operation_class)
            ]

    def seconds(self, rule: FaultRule) -> float:
        with self._lock:
            return rule.latency.draw(self._dice)

    def _hits(self, rule: FaultRule, seen: _Seen, route: str, operation_class: str) -> bool:
        if rule.route not in ("", route) or rule.operation_class not in ("", operation_class):
            return False
        seen.matched += 1
        chosen = not rule.nth or seen.matched in rule.nth
        chosen = chosen and (not rule.every or seen.matched % rule.every == 0)
        chosen = chosen and (rule.count is None or seen.done < rule.count)
        if not chosen or self._dice.random() >= rule.probability:
            return False
        seen.done += 1
        return True


def read_plan(text: str) -> FaultFile:
    """A plan from JSON. Raises RunError `fault-plan` that names every fault in it."""
    try:
        return FaultFile.model_validate_json(text)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise RunError(f"the fault plan is wrong: {told}", reason="fault-plan") from None
