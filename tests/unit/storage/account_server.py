"""A storage account that says what a test tells it to, over a real socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asking:
    """A request: its path under the account, its query, its headers (names in small letters)."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Saying:
    """An answer. `cut`: so many bytes of the body are sent, and the connection closed."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


def refusing(status: int, code: str) -> Saying:
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>told</Message></Error>'
    return Saying(status, body.encode(), {"x-ms-error-code": code, "Content-Type": "application/xml"})


def listing(*names: str, sizes: int = 1, marker: str = "") -> Saying:
    """A page of names. `marker`: where the next one begins."""
    blobs = "".join(
        f"<Blob><Name>{name}</Name><Properties><Etag>0x8D</Etag><Content-Length>{sizes}</Content-Length>"
        "<Last-Modified>Mon, 02 Mar 2026 09:00:00 GMT</Last-Modified><BlobType>BlockBlob</BlobType>"
        "</Properties></Blob>"
        for name in names
    )
    body = (
        '<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="forms">'
        f"<Blobs>{blobs}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"
    )
    return Saying(200, body.encode(), {"Content-Type": "application/xml"})


@dataclass
class AccountServer:
    """`say` decides each answer; `asked` are the requests it got."""

    port: int
    say: Callable[[Asking], Saying]
    asked: list[Asking] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/account"


@contextmanager
def serving(say: Callable[[Asking], Saying]) -> Iterator[AccountServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            asking = Asking(self.command, parts.path.removeprefix("/account"), query, headers)
            account.asked.append(asking)
            saying = account.say(asking)
            self.send_response(saying.status)
            for name, value in saying.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(saying.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(saying.body[: saying.cut])
            self.close_connection = saying.cut is not None

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer  # noqa: N815

        def log_message(self, *arguments: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *arguments: Any) -> None:
            """Clients that hang up are no news."""

    server = Server(("127.0.0.1", 0), Handler)
    account = AccountServer(server.server_port, say)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield account
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
