"""A Key Vault over TLS that challenges, checks tokens and counts, and the sign-in service that gives them.

The vendor's SecretClient and its DefaultAzureCredential talk to it with no more than environment variables:
`environment()` makes this machine a service principal whose authority is the double itself.
"""

from __future__ import annotations

import datetime
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme

TENANT = "11111111-1111-1111-1111-111111111111"
TOKEN = "canary-token-of-the-vault"
CLIENT_SECRET = "canary-secret-of-the-client"


@dataclass
class Vault:
    """A running vault. `secrets` may be changed while it runs; `failures` answer in place of the next calls.
    `asked` are the calls it got, without values."""

    port: int
    certificates: Path
    secrets: dict[str, str]
    failures: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    disabled: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def environment(self) -> dict[str, str]:
        """What lets a process sign in to it."""
        return {
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": "22222222-2222-2222-2222-222222222222",
            "AZURE_CLIENT_SECRET": CLIENT_SECRET,
            "AZURE_AUTHORITY_HOST": self.url,
            "REQUESTS_CA_BUNDLE": str(self.certificates),
            "SSL_CERT_FILE": str(self.certificates),
        }


@contextmanager
def running_vault(folder: Path, secrets: Mapping[str, str]) -> Iterator[Vault]:
    """A vault with these secrets, on a free port."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    vault = Vault(server.server_port, folder / "ca.pem", dict(secrets))
    server.vault = vault  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield vault
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def vault(self) -> Vault:
        return self.server.vault  # type: ignore[attr-defined,no-any-return]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.endswith("/token"):
            self._say(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN})
        else:
            self._say(404, _error("NotFound", "no such path"))

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if ".well-known/openid-configuration" in parts.path:
            return self._say(200, self._discovery())
        self.vault.asked.append(f"GET {parts.path}")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            challenge = (
                f'Bearer authorization="{self.vault.url}/{TENANT}", resource="https://vault.azure.net"'
            )
            body = _error("Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
            return self._say(401, body, {"WWW-Authenticate": challenge})
        if self.vault.failures:
            return self._say(*self.vault.failures.pop(0))
        if "api-version" not in parse_qs(parts.query):
            return self._say(400, _error("BadParameter", "api-version is missing"))
        return self._secret(parts.path)

    def _secret(self, path: str) -> None:
        name = path.removeprefix("/secrets/").split("/")[0]
        known = {key.lower(): key for key in self.vault.secrets}
        key = known.get(name.lower())
        if key is None:
            message = f"A secret with (name/id) {name} was not found in this key vault."
            return self._say(404, _error("SecretNotFound", message))
        if key in self.vault.disabled:
            inner = {"innererror": {"code": "SecretDisabled"}}
            return self._say(403, {"error": {"code": "Forbidden", "message": "disabled"} | inner})
        now = int(datetime.datetime.now(datetime.UTC).timestamp())
        attributes = {"enabled": True, "created": now, "updated": now, "recoveryLevel": "Recoverable"}
        body = {"value": self.vault.secrets[key], "id": f"{self.vault.url}/secrets/{key}/{'0' * 32}"}
        return self._say(200, body | {"attributes": attributes, "tags": {}})

    def _discovery(self) -> dict[str, Any]:
        base = f"{self.vault.url}/{TENANT}"
        return {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "issuer": f"{base}/v2.0",
        }

    def _say(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}
