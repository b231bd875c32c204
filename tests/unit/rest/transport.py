"""A transport of `requests` that gives scripted answers and keeps what was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import BaseAdapter

Scripted = requests.Response | Exception | Callable[[requests.PreparedRequest], requests.Response]


def answer(
    status: int = 200, body: Any = None, headers: Mapping[str, str] | None = None
) -> requests.Response:
    """An answer; a body that is no bytes is JSON."""
    response = requests.Response()
    response.status_code = status
    response.headers.update(headers or {})
    response._content = (
        body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    )
    return response


@dataclass
class Asked:
    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Script(BaseAdapter):
    """Answers in turn; the last one is given again and again."""

    answers: list[Scripted]
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        body: Any = request.body or b""
        content = body.read() if hasattr(body, "read") else body
        content = content.encode() if isinstance(content, str) else content
        self.asked.append(Asked(str(request.method), str(request.url), dict(request.headers), content))
        scripted = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(scripted, Exception):
            raise scripted
        response = scripted(request) if callable(scripted) else scripted
        response.request = request
        response.url = str(request.url)
        return response

    def close(self) -> None:
        pass


def session_of(script: Script) -> requests.Session:
    session = requests.Session()
    session.mount("https://", script)
    session.mount("http://", script)
    return session
