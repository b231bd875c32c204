"""A recorded session as a transport of `requests`: it answers only the requests that were recorded, in
their order, and says where a client asks for something else."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter

from tests.unit.engines.scripted import sent
from tests.unit.wire.samples import Exchange

Asked = tuple[str, str, list[tuple[str, str]], str | None, object]


class Tape(BaseAdapter):
    """Mount it on a session for every scheme. `left`: what was not asked for yet."""

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        super().__init__()
        self.left = list(exchanges)
        self.keys: list[str | None] = []

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        assert self.left, f"nothing more was recorded, but asked for: {request.method} {request.url}"
        recorded = self.left.pop(0)
        body = sent(request.body)
        assert _asked(request, body) == _recorded(recorded, body)
        self.keys.append(request.headers.get("Ocp-Apim-Subscription-Key"))
        return _response(recorded, request)

    def close(self) -> None:
        pass


def _asked(request: requests.PreparedRequest, body: bytes) -> Asked:
    content_type = request.headers.get("Content-Type")
    content = json.loads(body) if content_type == "application/json" else body
    return _asking(request.method or "", request.url or "", content_type, content)


def _recorded(exchange: Exchange, body: bytes) -> Asked:
    """A binary body that the collector cut is taken for the one that was sent, if one was."""
    content = exchange.sent
    if isinstance(content, str):
        content = (body or None) if content.startswith("<binary ") else _unpacked(content)
    return _asking(
        exchange.method, exchange.url, exchange.content_type, b"" if exchange.sent is None else content
    )


def _unpacked(content: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error:
        return content.encode()


def _asking(method: str, url: str, content_type: str | None, content: object) -> Asked:
    parts = urlsplit(url)
    query = sorted(parse_qsl(parts.query, keep_blank_values=True))
    return method, f"{parts.scheme}://{parts.netloc}{parts.path}", query, content_type, content


def _response(exchange: Exchange, request: requests.PreparedRequest) -> requests.Response:
    response = requests.Response()
    response.status_code = exchange.status
    response.headers.update(exchange.headers)
    response.headers.pop("content-length", None)
    response.url = request.url or ""
    response.request = request
    response._content = b"" if exchange.body is None else json.dumps(exchange.body).encode()
    return response


# --- what is not as it was ------------------------------------------------------------------------


def with_a_second_try_of_the_key(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """Our client reads a key that was refused once more (it may have been rotated), the vendor's does not."""
    return [one for exchange in exchanges for one in [exchange] * (2 if exchange.status == 401 else 1)]


def with_whole_lists(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """The collector cut long lists of models: here each page leads to the page that was recorded next, and a
    page that was throttled and then cut is there, empty."""
    whole: list[Exchange] = []
    for exchange, following in zip(exchanges, [*exchanges[1:], None], strict=True):
        whole.append(exchange)
        if exchange.status == 429 and following and following.url != exchange.url:
            whole.append(replace(exchange, status=200, headers={}, body={"modelList": []}))
        if following and _lists(exchange) and _lists(following) and following.url != exchange.url:
            whole[-1] = replace(whole[-1], body={**whole[-1].body, "nextLink": _link(following.url)})
    return whole


def _lists(exchange: Exchange) -> bool:
    return "op=full" in exchange.url


def _link(url: str) -> str:
    """As the service gives it: without `op`."""
    return url.replace("op=full&", "")
