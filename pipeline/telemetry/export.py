"""Spans and metrics of a run, sent by OTLP over HTTP to where OpenTelemetry's own variables say.

What each variable means: opentelemetry.io/docs/specs/otel/protocol/exporter and
opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from pipeline.telemetry.observing import RunTelemetry

_SCOPE = "formpipe"


class Export:
    """What a run tells, and the threads that send it. Sending never holds up the run; at its end it has
    `patience` seconds."""

    def __init__(self, signals: frozenset[str], environment: Mapping[str, str], patience: float) -> None:
        self._patience = patience
        self._troubles = _Troubles()
        resource = _resource(environment)
        self._traces = TracerProvider(resource=resource, shutdown_on_exit=False)
        if "traces" in signals:
            self._traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        readers = [PeriodicExportingMetricReader(OTLPMetricExporter())] if "metrics" in signals else []
        self._metrics = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
        scope = (_SCOPE, version("formpipe"))
        self.run = RunTelemetry(self._traces.get_tracer(*scope), self._metrics.get_meter(*scope))

    def close(self) -> bool:
        """Send what is left; whether everything was sent, as far as one can tell."""
        done = [_in_background(self._traces.shutdown), _in_background(self._metrics.shutdown)]
        until = time.monotonic() + self._patience
        ended = [_joined(thread, until - time.monotonic()) for thread in done]
        return all(ended) and not self._troubles.count


def _in_background(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _joined(thread: threading.Thread, seconds: float) -> bool:
    thread.join(max(seconds, 0.0))
    return not thread.is_alive()


def _resource(environment: Mapping[str, str]) -> Resource:
    """Each run is an instance of its own: its counters begin at nothing."""
    named = environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
    own = {"service.version": version("formpipe")}
    if not environment.get("OTEL_SERVICE_NAME") and "service.name=" not in named:
        own["service.name"] = "formpipe"
    if "service.instance.id=" not in named:
        own["service.instance.id"] = str(uuid.uuid4())
    return Resource.create(own)


class _Troubles(logging.Handler):
    """Takes the place of what OpenTelemetry would print of failed attempts, which names endpoints and may
    quote their answers; they are counted."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0
        log = logging.getLogger("opentelemetry")
        log.addHandler(self)
        log.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1
