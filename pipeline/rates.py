"""How fast a resource may be asked: tokens by resource and class of operation, as arithmetic. Pure.

The rule is GCRA (ITU-T I.371): a bucket is the time at which the next call falls due, and each call moves it
on by one interval. No call is early, so that no window of any length sees more than the rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol, get_args

from pipeline.services import load_services

OperationClass = Literal["analyze", "get", "manage", "list"]
CLASSES: tuple[OperationClass, ...] = get_args(OperationClass)

SHARE = 0.98
"""Of a rate that is used. A service counts arrivals, and the network draws together what was sent evenly: in
a window of a second this leaves room for 20 ms, in one of five seconds for 100 ms."""

AHEAD = 0.3
"""Seconds of calls that are given out in advance."""

_AGAIN = 0.2
"""Seconds left of what was given out when more is asked for: as long as that may take, on a busy machine."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """When the next call falls due, and until when nobody may call, in seconds of the clock it is kept by."""

    next_at: float = 0.0
    held_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Slice:
    """Leave for `count` calls: the first in `first` seconds, the others `spacing` seconds apart. `wait`: in
    how many seconds it is worth asking for more; `held`: the service asked for that wait. All is counted
    from `read_at` of this process's monotonic clock."""

    count: int
    first: float
    spacing: float
    wait: float
    held: bool = False
    read_at: float = 0.0


class Budget(Protocol):
    """The buckets of one resource, shared by all who are to stay under its limits together. Usable from
    several threads."""

    def lease(self, operation_class: OperationClass, rate: float, wanted: int) -> Slice:
        """Take leave for up to `wanted` calls at `rate` calls a second. Raises RunError where it cannot be
        had."""
        ...

    def hold(self, operation_class: OperationClass, seconds: float) -> None:
        """No more leave for anybody for so long."""
        ...


def lease(bucket: Bucket, now: float, rate: float, wanted: int) -> tuple[Bucket, Slice]:
    """What is given of a bucket now, and what is left of it."""
    if bucket.held_until > now:
        return bucket, Slice(0, 0.0, 0.0, bucket.held_until - now, held=True)
    spacing = 1.0 / rate
    start = max(_possible(bucket.next_at, now, spacing), now)
    count = min(wanted, math.floor((now + AHEAD - start) / spacing + 1e-6) + 1) if start <= now + AHEAD else 0
    after = start + count * spacing
    wait = max(after - now - _AGAIN, 0.001)
    return replace(bucket, next_at=after), Slice(count, start - now, spacing, wait)


def _possible(next_at: float, now: float, spacing: float) -> float:
    """Without what only a clock that was set back can explain: nobody is given more than AHEAD in advance."""
    return next_at if next_at <= now + AHEAD + 2 * spacing else now


def hold(bucket: Bucket, now: float, seconds: float) -> Bucket:
    """The bucket when a service asked to be left alone."""
    return replace(bucket, held_until=max(bucket.held_until, now + seconds))


def used(rates: Mapping[str, float]) -> dict[str, float]:
    """Of what a service allows, by class, the part that is used."""
    return {name: rate * SHARE for name, rate in rates.items()}


def raised(tier: Mapping[str, float], overrides: Mapping[str, float], engine: str) -> dict[str, float]:
    """The calls a second of an engine by class: those of its tier, where the setting `service_rates` does not
    say otherwise. A name `engine.class` wins over a `class` of every engine."""
    rates = dict(tier)
    for name in CLASSES:
        stated = overrides.get(f"{engine}.{name}", overrides.get(name))
        if stated is not None:
            rates[name] = stated
    return rates


def read_rates(stated: object) -> dict[str, float]:
    """The setting `service_rates`: a table of calls a second by `class` or `engine.class` (tables of engines
    may hold tables of classes), or the same as text, `analyze=100, document-intelligence.get=200`.

    Raises ValueError that names the entry at fault and says how to mend it.
    """
    if isinstance(stated, str):
        stated = dict(_entry(part) for part in stated.replace(";", ",").split(",") if part.strip())
    if not isinstance(stated, Mapping):
        raise ValueError("write it as analyze=100, document-intelligence.get=200")
    flat: dict[str, object] = {}
    for name, value in stated.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": each for inner, each in value.items()}
        else:
            flat[str(name)] = value
    return {name: _rate(name, value) for name, value in flat.items()}


def _entry(part: str) -> tuple[str, str]:
    name, equals, value = part.partition("=")
    if not equals:
        raise ValueError(f"{part.strip()[:40]!r} has no rate: write it as analyze=100")
    return name.strip(), value.strip()


def _rate(name: str, value: object) -> float:
    engine, _, operation_class = name.rpartition(".")
    if engine and engine not in load_services():
        known = (each for each, facts in load_services().items() if facts.tiers)
        raise ValueError(f"{engine[:60]!r} is no engine: {', '.join(known)}")
    if operation_class not in CLASSES:
        raise ValueError(f"{name[:60]!r} is no class of operations: {', '.join(CLASSES)}")
    try:
        rate = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        rate = math.nan
    if not 0 < rate <= 100_000:
        raise ValueError(f"{name} is not a number of calls a second above 0")
    return rate
