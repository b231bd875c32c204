"""What rows are judged against: the services and their versions, what this release can use, and today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pipeline.services import ApiVersion, Service

AVAILABLE_ENGINES = ("local", "form-recognizer", "document-intelligence", "language")
AVAILABLE_SINKS = ("sql", "cosmos", "jsonl")
AVAILABLE_MODEL_KINDS = ("form", "entities", "classes")
AVAILABLE_OPERATIONS = ("train", "analyze", "layout")


@dataclass(frozen=True, slots=True)
class Release:
    """`engines`, `sinks`, `model_kinds_run` and `operations` are those a run can use; `services` describes
    more than that."""

    services: Mapping[str, Service]
    today: date
    engines: tuple[str, ...] = AVAILABLE_ENGINES
    sinks: tuple[str, ...] = AVAILABLE_SINKS
    model_kinds_run: tuple[str, ...] = AVAILABLE_MODEL_KINDS
    operations: tuple[str, ...] = AVAILABLE_OPERATIONS

    def version(self, engine: str, api_version: str | None) -> ApiVersion | None:
        """The version of the engine, None where either is unknown or the engine has none."""
        service = self.services.get(engine)
        return service.versions.get(api_version) if service and api_version else None

    def model_kinds(self, engine: str, api_version: str | None) -> tuple[str, ...]:
        """What the version can do; what the engine can do where the version is unknown."""
        version = self.version(engine, api_version)
        return version.model_kinds if version else self.services[engine].model_kinds

    def runs(self, engine: str, api_version: str | None, kind: str) -> bool:
        """Whether a run trains models of this kind there, and asks them."""
        version = self.version(engine, api_version)
        classifies = version is not None and "classify" in version.operations and kind == "classes"
        return kind in self.model_kinds_run and (not classifies or "classify" in self.operations)

    def composes(self, engine: str, api_version: str | None) -> bool:
        """Whether a run puts models together that were trained apart: the version can, and the release."""
        version = self.version(engine, api_version)
        return bool(version and "compose" in version.operations and "compose" in self.operations)
