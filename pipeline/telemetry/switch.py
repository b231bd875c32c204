"""Whether a run is watched from outside. Nothing of OpenTelemetry is loaded where it is not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from pipeline.errors import FormpipeError
from pipeline.orchestrator.progress import Listener, Note, Progress
from pipeline.orchestrator.run_context import RunSummary
from pipeline.orchestrator.watching import Observer

if TYPE_CHECKING:
    from pipeline.telemetry.export import Export

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
PATIENCE_SECONDS = 3.0
"""What sending may add to a run at its end."""


class Watch:
    """What a run is given to be watched by: an observer, and a listener that hears as well."""

    def __init__(self, listener: Listener, export: Export | None = None) -> None:
        self._listener = listener
        self._export = export
        self._ended = False

    @property
    def observer(self) -> Observer:
        return self._export.run if self._export else Observer()

    def hear(self, event: Progress | Note) -> None:
        self._listener(event)
        if self._export:
            self._export.run.hear(event)

    def ended(self, summary: RunSummary) -> None:
        """How the run ended; without this it failed."""
        self._end(summary.state, summary.run_id)

    def close(self, reason: str) -> None:
        """Send what there is; the last word is one warning where that did not succeed."""
        if self._export is None:
            return
        self._end("failed", None, reason)
        if not self._export.close():
            told = f"not all of it was sent: check {_ENDPOINT}; the run is not affected"
            self._listener(Note("telemetry-not-sent", "", told))

    def _end(self, state: str, run_id: int | None, reason: str = "") -> None:
        if self._export and not self._ended:
            self._ended = True
            self._export.run.end(state, run_id, reason)


@contextmanager
def watched(
    listener: Listener, environment: Mapping[str, str] = os.environ, patience: float = PATIENCE_SECONDS
) -> Iterator[Watch]:
    """Watch a run as OpenTelemetry's variables say; where they say nothing, not at all. What is wrong with
    them is one warning, and never ends a run."""
    signals = wanted(environment)
    watch = Watch(listener, _export(signals, listener, environment, patience) if signals else None)
    reason = "stopped"
    try:
        yield watch
    except FormpipeError as error:
        reason = error.reason
        raise
    except Exception:
        reason = "unexpected-error"
        raise
    finally:
        watch.close(reason)


def write_metrics_file(database: Engine, path: Path, listener: Listener) -> None:
    """The file for Prometheus. What keeps it from being written is one warning, and never ends a run."""
    try:
        from pipeline.telemetry.prometheus_file import write
    except ImportError:
        told = "the file for Prometheus needs more packages: pip install 'formpipe[telemetry]'"
        listener(Note("metrics-file-not-written", "", told))
        return
    try:
        write(database, path)
    except (OSError, SQLAlchemyError) as error:
        told = f"{path} was not written ({type(error).__name__}): the run is not affected"
        listener(Note("metrics-file-not-written", "", told))


def wanted(environment: Mapping[str, str]) -> frozenset[str]:
    """The signals (`traces`, `metrics`) that have an endpoint and are not switched off."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return frozenset()
    return frozenset(signal for signal in ("traces", "metrics") if _has_endpoint(signal, environment))


def _has_endpoint(signal: str, environment: Mapping[str, str]) -> bool:
    own = f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"
    off = environment.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip().lower() == "none"
    return not off and bool(environment.get(own) or environment.get(_ENDPOINT))


def _export(
    signals: frozenset[str], listener: Listener, environment: Mapping[str, str], patience: float
) -> Export | None:
    """The exporters; None, and one warning, where they cannot be made."""
    if unspoken := _unspoken(signals, environment):
        told = f"{unspoken} is not spoken here: set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf (port 4318)"
        listener(Note("telemetry-off", "", f"no traces and metrics: {told}"))
        return None
    try:
        from pipeline.telemetry.export import Export
    except ImportError:
        told = "an OpenTelemetry endpoint is set, its packages are missing: pip install 'formpipe[telemetry]'"
        listener(Note("telemetry-off", "", f"no traces and metrics: {told}"))
        return None
    try:
        return Export(signals, environment, patience)
    except Exception as error:  # variables of others, read by their library
        told = f"its variables (OTEL_...) cannot be used ({type(error).__name__})"
        listener(Note("telemetry-off", "", f"no traces and metrics: {told}"))
        return None


def _unspoken(signals: frozenset[str], environment: Mapping[str, str]) -> str | None:
    """A protocol that is asked for and is not OTLP over HTTP with protobuf."""
    for signal in sorted(signals):
        for name in (f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
            asked = environment.get(name, "").strip().lower()
            if asked and asked != "http/protobuf":
                return f"{name}={asked[:40]}"
            if asked:
                break
    return None
