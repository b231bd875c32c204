"""A real server that speaks Cosmos DB's REST API: @vercel/cosmosdb-server, from npm, behind a door of ours.

The door passes requests on as they are, counts them, and answers some of them itself: the server knows no
throttling, no limit of an item, and no wrong key."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

from azure.cosmos import CosmosClient
from tests.azure.npm import installed, node
from tests.azure.ports import free_port, stop, wait_for

VERSION = "1.0.1"
KEY = "dW5rbm93bg=="
_MAIN = "node_modules/@vercel/cosmosdb-server/lib/cli.js"


@dataclass
class Refusal:
    """An answer instead of the server's, to the next `times` requests of this method whose path ends so."""

    status: int
    times: int
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    under: str = "/docs"


@dataclass
class Cosmos:
    """A running server. `requests`: method and path of everything that was asked."""

    url: str
    behind: int
    refusals: list[Refusal] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def refuse(self, status: int, times: int = 1, **more: Any) -> Refusal:
        refusal = Refusal(status, times, **more)
        self.refusals.append(refusal)
        return refusal

    def container(self, database: str, name: str = "documents") -> Any:
        client = CosmosClient(self.url, KEY, enable_endpoint_discovery=False)
        return client.get_database_client(database).get_container_client(name)

    def items(self, database: str, name: str = "documents") -> list[dict[str, Any]]:
        """Everything a container holds, without what the server adds."""
        found = self.container(database, name).read_all_items()
        return [{key: value for key, value in item.items() if not key.startswith("_")} for item in found]

    @staticmethod
    def new_database() -> str:
        return f"db{uuid4().hex[:12]}"


@contextmanager
def running_cosmos(folder: Path) -> Iterator[Cosmos]:
    """Raises PackageMissingError where there is none to be had."""
    main = installed("@vercel/cosmosdb-server", VERSION, _MAIN, title="a Cosmos DB server")
    port, log = free_port(), folder / "cosmos.log"
    command = [node(), str(main), "--host", "127.0.0.1", "-p", str(port), "--no-ssl"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        try:
            wait_for(port, process)
            with _door(port) as running:
                yield running
        finally:
            stop(process)


@contextmanager
def _door(behind: int) -> Iterator[Cosmos]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Door)
    server.daemon_threads = True
    running = Cosmos(f"http://localhost:{server.server_port}", behind)
    server.cosmos = running  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _pass(self) -> None:
        cosmos: Cosmos = self.server.cosmos  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.rstrip("/")
        cosmos.requests.append((self.command, path))
        for refusal in cosmos.refusals:
            if refusal.times > 0 and refusal.method == self.command and refusal.under in path:
                refusal.times -= 1
                self._answer(refusal.status, refusal.headers, b'{"code":"x","message":"canary-account"}')
                return
        connection = HTTPConnection("127.0.0.1", cosmos.behind, timeout=30)
        headers = {
            k: v for k, v in self.headers.items() if k.lower() not in ("connection", "accept-encoding")
        }
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        kept = {k: v for k, v in answer.getheaders() if k.lower() not in _OF_A_CONNECTION}
        self._answer(answer.status, kept, content)
        connection.close()

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _pass  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing: the requests are counted."""


_OF_A_CONNECTION = ("connection", "keep-alive", "transfer-encoding", "content-length", "date")
_NOT_PASSED_ON = ("connection", "accept-encoding")
