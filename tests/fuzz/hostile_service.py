"""A service over HTTP that answers each document by its script, and a host beside it that nobody may ask."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.fuzz.answers import Said, Script, sound

KEY = "canary-key-of-the-fuzzed-service"
MARK = re.compile(rb"FUZZ-(\d{6})-")
_WHERE = re.compile(r"FUZZ-(\d{6})-")


@dataclass
class Service:
    """`served`: scripts that were followed since the last heal, by number. A healed document is answered as
    it should be. `foreign` are the calls that came to the other host."""

    scripts: dict[int, Script]
    port: int = 0
    foreign_port: int = 0
    served: set[int] = field(default_factory=set)
    healed: set[int] = field(default_factory=set)
    polls: dict[int, int] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def heal(self) -> set[int]:
        """Follow no script any more that was followed; which those are."""
        with self.lock:
            served, self.served = self.served, set()
            self.healed |= served
            return served

    def post(self, number: int) -> Said:
        with self.lock:
            if number in self.healed:
                return Said(202, b"", {"Operation-Location": "{origin}{here}"})
            self.served.add(number)
            return self.scripts[number].post

    def poll(self, number: int) -> Said:
        script = self.scripts[number]
        with self.lock:
            if number in self.healed:
                return Said(200, sound(script.engine, script.version))
            self.served.add(number)
            asked = self.polls[number] = self.polls.get(number, 0) + 1
        return script.polls[min(asked, len(script.polls)) - 1]

    def filled(self, text: str, here: str) -> str:
        names = {
            "{origin}": self.url,
            "{here}": here,
            "{foreign}": f"http://127.0.0.1:{self.foreign_port}",
            "{authority}": f"127.0.0.1:{self.port}",
            "{foreign_authority}": f"127.0.0.1:{self.foreign_port}",
            "{foreign_port}": str(self.foreign_port),
        }
        for name, value in names.items():
            text = text.replace(name, value)
        return text


@contextmanager
def running_service(scripts: Sequence[Script]) -> Iterator[Service]:
    """The service and the foreign host, on free ports."""
    service = Service({script.number: script for script in scripts})
    own, foreign = _Server(("127.0.0.1", 0), _Own), _Server(("127.0.0.1", 0), _Foreign)
    service.port, service.foreign_port = own.server_port, foreign.server_port
    threads = []
    for server in (own, foreign):
        server.service = service
        threads.append(threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True))
        threads[-1].start()
    try:
        yield service
    finally:
        for server, thread in zip((own, foreign), threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    service: Service

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True

    @property
    def service(self) -> Service:
        return self.server.service

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))


class _Own(_Handler):
    def do_POST(self) -> None:
        found = MARK.search(self._body())
        if self.path == "/heal":
            return self._say(Said(200, json.dumps(sorted(self.service.heal())).encode()), "")
        self._require_key()
        assert found is not None, "every document has a mark"
        number = int(found[1])
        return self._say(self.service.post(number), f"{self.path.split('?')[0]}/FUZZ-{number:06}-")

    def do_GET(self) -> None:
        self._require_key()
        found = _WHERE.search(self.path)
        if found is None:
            self.service.strange.append(self.path[:200])
            return self._say(Said(404), "")
        return self._say(self.service.poll(int(found[1])), self.path)

    def _require_key(self) -> None:
        if self.headers.get("Ocp-Apim-Subscription-Key") != KEY:
            self.service.strange.append(f"no key at {self.path[:100]}")

    def _say(self, said: Said, here: str) -> None:
        with suppress(OSError):
            self.send_response(said.status)
            for name, value in said.headers.items():
                told = self.service.filled(value, here)
                self.send_header(name, told.encode().decode("latin-1"))  # bytes as they are
            bodiless = said.status in (204, 304)
            self.send_header("Content-Length", "0" if bodiless else str(len(said.body)))
            self.end_headers()
            if not bodiless:
                self.wfile.write(said.body[: len(said.body) // 2] if said.hang_up else said.body)
            self.close_connection = said.hang_up


class _Foreign(_Handler):
    def do_GET(self) -> None:
        self.service.foreign.append(f"{self.command} {self.path[:200]} {dict(self.headers)}")
        self._body()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.do_GET()
