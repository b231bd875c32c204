"""A real receiver of OTLP over HTTP: keeps what it is sent, decoded."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

Facts = dict[str, Any]


class Received:
    """Spans and metrics, in the order they came."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.traces: list[ExportTraceServiceRequest] = []
        self.metrics: list[ExportMetricsServiceRequest] = []
        self.bodies: list[bytes] = []

    @property
    def spans(self) -> list[Any]:
        scopes = [scope for r in self.traces for res in r.resource_spans for scope in res.scope_spans]
        return [span for scope in scopes for span in scope.spans]

    @property
    def resource(self) -> Facts:
        return facts(self.metrics[-1].resource_metrics[0].resource.attributes)

    def points(self, name: str) -> dict[tuple[tuple[str, Any], ...], Any]:
        """The last points of a metric, by their attributes."""
        found = {}
        for request in self.metrics:
            for scope in (s for r in request.resource_metrics for s in r.scope_metrics):
                for metric in (m for m in scope.metrics if m.name == name):
                    data = getattr(metric, metric.WhichOneof("data"))
                    found |= {tuple(sorted(facts(p.attributes).items())): p for p in data.data_points}
        return found

    def total(self, name: str, **wanted: Any) -> float:
        """The sum over points with these attributes, named without `formpipe.`."""
        asked = {(f"formpipe.{key}", value) for key, value in wanted.items()}
        points = self.points(name)
        return sum(p.as_int + p.as_double for key, p in points.items() if asked <= set(key))


def facts(attributes: Any) -> Facts:
    return {each.key: _plain(each) for each in attributes}


def _plain(pair: KeyValue) -> Any:
    kind = pair.value.WhichOneof("value")
    return getattr(pair.value, kind) if kind else None


@contextmanager
def receiver() -> Iterator[Received]:
    """Listens on a port of this machine while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            received.bodies.append(body)
            if self.path == "/v1/traces":
                received.traces.append(ExportTraceServiceRequest.FromString(body))
            elif self.path == "/v1/metrics":
                received.metrics.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received = Received(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
