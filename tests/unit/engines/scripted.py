"""A transport of `requests` that gives the answers of a test in turn, and keeps what was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import BaseAdapter

from pipeline.rest.client import ServiceClient
from pipeline.rest.credentials import KeyCredential
from pipeline.rest.limits import Limits
from pipeline.rest.retry import Retry


@dataclass(frozen=True, slots=True)
class Scripted:
    """One answer. `body` is JSON, or bytes as they are."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class ScriptedTransport(BaseAdapter):
    """Mount it on a session for every scheme."""

    def __init__(self, *answers: Scripted) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[Asked] = []

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        self.asked.append(Asked(request.method or "", request.url or "", request.headers, sent(request.body)))
        assert self.answers, f"more was asked than the test answers: {request.method} {request.url}"
        answer = self.answers.pop(0)
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update(answer.headers)
        response.url, response.request = request.url or "", request
        response._content = content(answer.body)
        return response

    def close(self) -> None:
        pass


class Clock:
    """Time that only passes where somebody sleeps. `slept`: how long each time, in seconds."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def client_over(transport: BaseAdapter, endpoint: str, clock: Clock) -> ServiceClient:
    """The product's client, with a key, whose every request ends in the transport."""
    session = requests.Session()
    session.mount("https://", transport)
    return ServiceClient(
        endpoint,
        KeyCredential(lambda fresh: "key"),
        session=session,
        retry=Retry(clock=clock.now, sleep=clock.sleep, random=lambda: 1.0),
        limits=Limits({}, clock.now, clock.sleep),
    )


def sent(body: Any) -> bytes:
    """The body of a request, whether it was given whole, as a file or piece by piece."""
    if body is None:
        return b""
    if hasattr(body, "read"):
        body = body.read()
    if not isinstance(body, str | bytes):
        body = b"".join(body)
    return body.encode() if isinstance(body, str) else body


def content(body: Any) -> bytes:
    if body is None:
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode()
