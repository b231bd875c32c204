"""What each engine and API version can do, as data: `config/services.toml`, each fact with its source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class ApiVersion:
    """One version of a service. `retires`: the first day it no longer answers."""

    name: str
    model_kinds: tuple[str, ...]
    retires: date | None = None

    def retired(self, today: date) -> bool:
        return self.retires is not None and today > self.retires


@dataclass(frozen=True, slots=True)
class Service:
    """An engine as the parameter table names it. `versions` is empty where there is only one."""

    engine: str
    model_kinds: tuple[str, ...]
    minimum_labelled_forms: int
    versions: Mapping[str, ApiVersion]


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
        version: ApiVersion(version, tuple(more.get("model_kinds", kinds)), more.get("retires"))
        for version, more in facts.get("versions", {}).items()
    }
    return Service(name, kinds, facts["minimum_labelled_forms"], MappingProxyType(versions))
