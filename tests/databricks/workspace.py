"""A Databricks workspace as far as its secrets go: the two routes below `dbutils.secrets` that are needed.

Nothing of it is known to the product. A process reaches it with environment variables alone, those of
`Workspace.environment()`: the SDK takes a personal access token before anything else.

Shapes and codes: Databricks REST API reference, "Get a secret" and "List all scopes". Names of secrets are
the same in any case (Databricks documentation, "Secrets"); a scope with a Key Vault behind it (`vault=True`)
takes only names that a vault can hold.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "canary-token-of-the-workspace"
SCOPE = "formpipe"
_NAME_IN_A_VAULT = re.compile(r"[0-9a-zA-Z-]{1,127}")


@dataclass
class Workspace:
    """A running workspace with one scope. `secrets` may be changed while it runs; `failures` answer in place
    of the next calls that are signed in (status, body, headers). `asked` are the calls it got."""

    port: int
    secrets: dict[str, str | bytes] = field(default_factory=dict, repr=False)
    failures: list[tuple[int, Mapping[str, Any], Mapping[str, str]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    scope: str = SCOPE
    vault: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """What lets a process sign in to it."""
        return {"DATABRICKS_HOST": self.url, "DATABRICKS_TOKEN": TOKEN, "DATABRICKS_CONFIG_FILE": "/dev/null"}

    def fail(self, status: int, code: str | int, message: str, *, times: int = 1, **headers: str) -> None:
        """Answer the next calls so. Headers as keywords: `retry_after="1"`."""
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        self.failures += [(status, {"error_code": code, "message": message}, named)] * times

    def find(self, key: str) -> bytes | None:
        for name, value in self.secrets.items():
            if name.casefold() == key.casefold():
                return value.encode() if isinstance(value, str) else value
        return None


@contextmanager
def running_workspace() -> Iterator[Workspace]:
    """A workspace whose scope is empty, on a free port of this machine."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.workspace = Workspace(server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.workspace
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    workspace: Workspace


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        workspace, parts = self.server.workspace, urlsplit(self.path)
        if not parts.path.startswith("/api/"):
            return self._say(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": "No API found."})
        workspace.asked.append(self.path)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._say(403, {"error_code": 403, "message": "Invalid access token."})
        if workspace.failures:
            return self._say(*workspace.failures.pop(0))
        given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/api/2.0/secrets/get":
            return self._secret(given.get("scope", ""), given.get("key", ""))
        if parts.path == "/api/2.0/secrets/scopes/list":
            backend = "AZURE_KEYVAULT" if workspace.vault else "DATABRICKS"
            return self._say(200, {"scopes": [{"name": workspace.scope, "backend_type": backend}]})
        return self._say(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": "No API found."})

    def _secret(self, scope: str, key: str) -> None:
        workspace = self.server.workspace
        if scope.casefold() != workspace.scope.casefold():
            return self._missing(f"Scope with name {scope} does not exist!")
        if workspace.vault and not _NAME_IN_A_VAULT.fullmatch(key):
            told = {
                "error_code": "INVALID_PARAMETER_VALUE",
                "message": f"Secret name {key} is not alphanumeric",
            }
            return self._say(400, told)
        value = workspace.find(key)
        if value is None:
            return self._missing(f"Failed to get secret {key} for scope {scope}.")
        return self._say(200, {"key": key, "value": base64.b64encode(value).decode()})

    def _missing(self, message: str) -> None:
        self._say(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": message})

    def _say(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass
