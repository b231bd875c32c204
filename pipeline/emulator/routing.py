"""Calls as the families see them, and the answers they give."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from pipeline.rest.limits import OperationClass

if TYPE_CHECKING:
    from pipeline.emulator.service import EmulatorService


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in. `endpoint` is scheme and host as the client named them; `path` the values
    of the route's pattern."""

    resource: str
    endpoint: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The body as JSON, None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


Handler = Callable[[Call, "EmulatorService"], Response]


@dataclass(frozen=True, slots=True)
class Route:
    """`pattern` is a path with `{names}`, matched in any case. `keyless`: a container's, which holds a key
    itself and asks for none; a wrong one is refused there too."""

    name: str
    method: str
    pattern: str
    operation_class: OperationClass
    handler: Handler
    keyless: bool = False

    def match(self, method: str, path: str) -> dict[str, str] | None:
        if method != self.method:
            return None
        found = _compiled(self.pattern).fullmatch(path.rstrip("/"))
        return found.groupdict() if found else None


_patterns: dict[str, re.Pattern[str]] = {}


def _compiled(pattern: str) -> re.Pattern[str]:
    if pattern not in _patterns:
        parts = re.split(r"\{(\w+)\}", pattern)
        text = "".join(f"(?P<{p}>[^/:]+)" if i % 2 else re.escape(p) for i, p in enumerate(parts))
        _patterns[pattern] = re.compile(text, re.IGNORECASE)
    return _patterns[pattern]


def find(routes: Sequence[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    for route in routes:
        values = route.match(method, path)
        if values is not None:
            return route, values
    return None


def answer(status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with the headers that every answer of the service carries."""
    content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    response = Response(content, status)
    if body is not None:
        response.headers["content-type"] = "application/json; charset=utf-8"
    response.headers["apim-request-id"] = str(uuid.uuid4())
    response.headers["strict-transport-security"] = "max-age=31536000; includeSubDomains; preload"
    response.headers["x-content-type-options"] = "nosniff"
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


def gateway_error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error from in front of the service: its code is the status."""
    return answer(status, {"error": {"code": str(status), "message": message}}, headers)
