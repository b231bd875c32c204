"""What each engine and API version can do, as data: `config/services.toml`, each fact with its source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class ApiVersion:
    """One version of a service. `retires`: the first day it no longer answers. `operations` are the kinds
    of `remote.OperationKind` it has."""

    name: str
    model_kinds: tuple[str, ...]
    retires: date | None = None
    operations: frozenset[str] = frozenset()
    compose_limit: int | None = None

    def retired(self, today: date) -> bool:
        return self.retires is not None and today > self.retires


@dataclass(frozen=True, slots=True)
class Tier:
    """The limits of a pricing tier. `per_second` is by operation class: analyze, get, manage, list."""

    name: str
    per_second: Mapping[str, float]
    models: int
    compose: int
    document_mb: int
    document_pages: int
    training_mb: int
    training_pages: int


@dataclass(frozen=True, slots=True)
class Service:
    """An engine as the parameter table names it. `versions` is empty where there is only one.
    `layout_versions`: how the versions of the layout files it trains from begin."""

    engine: str
    model_kinds: tuple[str, ...]
    minimum_labelled_forms: int
    versions: Mapping[str, ApiVersion]
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    layout_versions: tuple[str, ...] = ()


@cache
def load_services() -> Mapping[str, Service]:
    """Every engine by name, as this release knows them."""
    raw = tomllib.loads(data_file("config/services.toml").decode())
    return MappingProxyType({name: _service(name, facts) for name, facts in raw["engines"].items()})


def data_file(name: str) -> bytes:
    """A file of `config/` or `sql/`: package data in a wheel, the project's folder in a checkout."""
    packaged = resources.files("pipeline") / "_data" / name
    if packaged.is_file():
        return packaged.read_bytes()
    return (Path(__file__).parents[1] / name).read_bytes()


def _service(name: str, facts: Mapping[str, Any]) -> Service:
    kinds = tuple(facts["model_kinds"])
    versions = {
        version: _version(version, more, kinds) for version, more in facts.get("versions", {}).items()
    }
    tiers = {tier: Tier(tier, **limits) for tier, limits in facts.get("tiers", {}).items()}
    return Service(
        name,
        kinds,
        facts["minimum_labelled_forms"],
        MappingProxyType(versions),
        MappingProxyType(tiers),
        tuple(facts.get("layout_versions", ())),
    )


def _version(name: str, facts: Mapping[str, Any], kinds: tuple[str, ...]) -> ApiVersion:
    return ApiVersion(
        name,
        tuple(facts.get("model_kinds", kinds)),
        facts.get("retires"),
        frozenset(facts.get("operations", ())),
        facts.get("compose"),
    )
