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

FREE_TIER = "F0"


@dataclass(frozen=True, slots=True)
class ApiVersion:
    """One version of a service. `retires`: the day that was announced for its end. `operations` are the kinds
    of `remote.OperationKind` it has.

    `layouts`: how the versions of the layout files it trains from begin. `labels`: the formats of label files
    it reads, any where that is empty. `unlabelled`: it trains without
    labels, and takes forms without labels along with labelled ones. `layouts_always`: it wants layout files
    even where it trains without labels. `pages`: it can be told which pages to read. `file_types`: what it
    reads, all that is known where that is empty. `compose_limit` is that of the paid tier.
    """

    name: str
    model_kinds: tuple[str, ...]
    retires: date | None = None
    operations: frozenset[str] = frozenset()
    compose_limit: int | None = None
    layouts: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    unlabelled: bool = False
    layouts_always: bool = False
    pages: bool = True
    file_types: tuple[str, ...] = ()
    source: str = ""

    def retired(self, today: date) -> bool:
        """Whether it no longer answers. On the day itself it may."""
        return self.retires is not None and today > self.retires


@dataclass(frozen=True, slots=True)
class Tier:
    """The limits of a pricing tier. `per_second` is by operation class: analyze, get, manage, list. Sizes of
    documents and training sets in MB (2**20 bytes). `deployments`: of a project of texts, whose `models` are
    its own too."""

    name: str
    per_second: Mapping[str, float]
    models: int
    compose: int
    document_mb: int
    document_pages: int
    training_mb: int
    training_pages: int
    source: str = ""
    deployments: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """A kind of model that a service gives up, in all versions; `retires`: the day that was announced."""

    retires: date
    source: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """An engine as the parameter table names it. `versions` is empty where there is only one.

    `layout_versions`: how the versions of the layout files it trains from begin, whatever its own version.
    `minimum_beside_empty_form`: filled forms that are enough beside an empty one, without labels.
    `ending`: the kinds of models that end before their versions do.
    """

    engine: str
    model_kinds: tuple[str, ...]
    minimum_labelled_forms: int
    versions: Mapping[str, ApiVersion]
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    layout_versions: tuple[str, ...] = ()
    minimum_beside_empty_form: int | None = None
    source: str = ""
    ending: Mapping[str, Ending] = field(default_factory=dict)

    def version(self, name: str | None) -> ApiVersion:
        """A version by name; one without any ability of its own where it is not known, or there are none."""
        return self.versions.get(name or "") or ApiVersion(name or "", self.model_kinds)

    def layouts_of(self, api_version: str | None) -> tuple[str, ...]:
        """How the versions of the layout files begin that this version trains from."""
        return self.version(api_version).layouts or self.layout_versions

    def compose_limit(self, api_version: str | None, tier: str) -> int:
        """How many models may be put together; 0 where the version cannot, or the tier is not known. A
        version's own limit is that of the paid tier."""
        limits, version = self.tiers.get(tier), self.version(api_version)
        if limits is None or "compose" not in version.operations:
            return 0
        paid = tier != FREE_TIER and version.compose_limit is not None
        return (version.compose_limit or 0) if paid else limits.compose


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
        facts.get("minimum_beside_empty_form"),
        facts.get("source", ""),
        MappingProxyType({kind: Ending(**each) for kind, each in facts.get("ending", {}).items()}),
    )


def _version(name: str, facts: Mapping[str, Any], kinds: tuple[str, ...]) -> ApiVersion:
    return ApiVersion(
        name,
        tuple(facts.get("model_kinds", kinds)),
        facts.get("retires"),
        frozenset(facts.get("operations", ())),
        facts.get("compose"),
        tuple(facts.get("layouts", ())),
        tuple(facts.get("labels", ())),
        facts.get("unlabelled", False),
        facts.get("layouts_always", False),
        facts.get("pages", True),
        tuple(facts.get("file_types", ())),
        facts.get("source", ""),
    )
