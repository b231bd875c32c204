"""A Key Vault over TLS that challenges, checks tokens and counts, and the sign-in service that gives them.

Nothing of it is known to the product. A process reaches it with environment variables alone, those of
`Vault.environment()`, which work for any vault behind a private authority:

* AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET make DefaultAzureCredential a service principal
  (its EnvironmentCredential, the first it asks);
* AZURE_AUTHORITY_HOST sends its sign-in to the double, which plays `/{tenant}/oauth2/v2.0/token` and the
  discovery document MSAL asks for first. The product turns off instance discovery, which would ask
  login.microsoftonline.com whether the authority is known, for vaults outside Azure's domains;
* REQUESTS_CA_BUNDLE makes `requests`, below both SDKs, trust the double's certificate.

The vault's challenge names https://vault.azure.net. The SDK compares that with the vault's host, unless the
product, again for hosts outside Azure's domains, tells it not to (`verify_challenge_resource=False`).

Shapes and codes: CONTRACTS section 6.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme

TENANT = "11111111-1111-1111-1111-111111111111"
CLIENT = "22222222-2222-2222-2222-222222222222"
TOKEN = "canary-token-of-the-vault"
CLIENT_SECRET = "canary-secret-of-the-client"
_SCOPE = "https://vault.azure.net/.default"
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")

Failure = tuple[int, Mapping[str, Any], Mapping[str, str]]
"""Status, body and headers of an answer."""


@dataclass
class Vault:
    """A running vault. `secrets` may be changed while it runs, each change is a new version; `failures`
    answer in place of the next calls that bring a token. `asked` are the calls it got, `signed_in` counts
    the tokens it gave. Nothing keeps a value but `secrets` and `versions`."""

    port: int
    certificates: Path
    secrets: dict[str, str] = field(repr=False)
    failures: list[Failure] = field(default_factory=list)
    disabled: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    signed_in: int = 0
    page_size: int = 25
    versions: dict[str, list[str]] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def environment(self) -> dict[str, str]:
        """What lets a process sign in to it."""
        return {
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": CLIENT,
            "AZURE_CLIENT_SECRET": CLIENT_SECRET,
            "AZURE_AUTHORITY_HOST": self.url,
            "REQUESTS_CA_BUNDLE": str(self.certificates),
        }

    def fail(
        self, status: int, code: str, inner: str | None = None, *, times: int = 1, **headers: str
    ) -> None:
        """Answer the next calls so. Headers as keywords: `retry_after="1"`."""
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        self.failures += [(status, fault(code, f"{code}, as planned.", inner), named)] * times

    def find(self, name: str) -> str | None:
        """The name as it was first written: names are the same in any case."""
        return next((key for key in self.secrets if key.lower() == name.lower()), None)

    def versions_of(self, name: str) -> list[str]:
        """Every value the secret had, oldest first, as far as the vault was asked meanwhile."""
        known = self.versions.setdefault(name, [])
        if not known or known[-1] != self.secrets[name]:
            known.append(self.secrets[name])
        return known

    def put(self, name: str, value: str) -> str:
        name = self.find(name) or name
        if name in self.secrets:
            self.versions_of(name)
        self.secrets[name] = value
        return name


@contextmanager
def running_vault(folder: Path, secrets: Mapping[str, str]) -> Iterator[Vault]:
    """A vault with these secrets, on a free port; its certificate authority is written to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    server = _Server(("127.0.0.1", 0), _Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    # the handshake is left to the thread of each connection: one that stalls holds up nobody
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    vault = Vault(server.server_port, folder / "ca.pem", dict(secrets))
    server.vault = vault
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield vault
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def fault(code: str, message: str, inner: str | None = None) -> dict[str, Any]:
    """The body of a refusal."""
    return {"error": {"code": code, "message": message} | ({"innererror": {"code": inner}} if inner else {})}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    vault: Vault

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not trust the certificate, or hangs up, is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    @property
    def vault(self) -> Vault:
        return self.server.vault

    # --- calls --------------------------------------------------------------------------------------

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path.endswith("/v2.0/.well-known/openid-configuration"):
            return self._say(200, self._discovery())
        if not self._admitted(parts.path):
            return None
        words = parts.path.strip("/").split("/")
        if words == ["secrets"]:
            return self._say(200, self._page(sorted(self.vault.secrets), "secrets", parts.query))
        return self._of_a_secret(words[1:], parts.query)

    def do_PUT(self) -> None:
        body = self._body()
        path = urlsplit(self.path).path
        if not self._admitted(path):
            return None
        name = path.removeprefix("/secrets/")
        if not _NAME.fullmatch(name):
            return self._say(400, fault("BadParameter", "The request URI contains an invalid name."))
        key = self.vault.put(name, json.loads(body)["value"])
        return self._say(200, self._bundle(key, len(self.vault.versions_of(key))))

    def do_POST(self) -> None:
        form = parse_qs(self._body().decode())
        if self.path != f"/{TENANT}/oauth2/v2.0/token":
            return self._say(404, fault("NotFound", "There is nothing here."))
        given = {name: values[-1] for name, values in form.items()}
        if (given.get("client_id"), given.get("client_secret")) != (CLIENT, CLIENT_SECRET):
            told = "AADSTS7000215: Invalid client secret provided."
            return self._say(401, {"error": "invalid_client", "error_description": told})
        if _SCOPE not in given.get("scope", ""):
            told = "AADSTS500011: The resource principal was not found in the tenant."
            return self._say(400, {"error": "invalid_resource", "error_description": told})
        self.vault.signed_in += 1
        return self._say(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN})

    # --- what comes before every call ---------------------------------------------------------------

    def _admitted(self, path: str) -> bool:
        """Whether the call goes on; where it does not, it was answered."""
        self.vault.asked.append(f"{self.command} {path}")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            challenge = (
                f'Bearer authorization="{self.vault.url}/{TENANT}", resource="https://vault.azure.net"'
            )
            body = fault("Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
            self._say(401, body, {"WWW-Authenticate": challenge})
            return False
        if self.vault.failures:
            self._say(*self.vault.failures.pop(0))
            return False
        if "api-version" not in parse_qs(urlsplit(self.path).query):
            self._say(400, fault("BadParameter", "api-version is missing."))
            return False
        return True

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    # --- answers ------------------------------------------------------------------------------------

    def _of_a_secret(self, words: list[str], query: str) -> None:
        """`{name}`, `{name}/{version}` or `{name}/versions`."""
        name, version = words[0], words[1] if len(words) > 1 and words[1] else ""
        if not _NAME.fullmatch(name):
            return self._say(400, fault("BadParameter", "The request URI contains an invalid name."))
        key = self.vault.find(name)
        number = len(self.vault.versions_of(key)) if key else 0
        if key and version == "versions":
            ids = [f"{key}/{each:032x}" for each in range(1, number + 1)]
            return self._say(200, self._page(ids, f"secrets/{key}/versions", query))
        wanted = int(version, 16) if version else number
        if key is None or not 1 <= wanted <= number:
            message = (
                f"A secret with (name/id) {'/'.join(words)} was not found in this key vault. If you recently "
                "deleted this secret you may be able to recover it using the correct recovery command."
            )
            return self._say(404, fault("SecretNotFound", message))
        if key in self.vault.disabled:
            message = "Operation get is not allowed on a disabled secret."
            return self._say(403, fault("Forbidden", message, "SecretDisabled"))
        return self._say(200, self._bundle(key, wanted))

    def _bundle(self, name: str, version: int) -> dict[str, Any]:
        value = self.vault.versions_of(name)[version - 1]
        return {"value": value, "tags": {}} | self._item(f"{name}/{version:032x}")

    def _item(self, name: str) -> dict[str, Any]:
        now = int(time.time())
        attributes = {
            "enabled": name.split("/")[0] not in self.vault.disabled,
            "created": now,
            "updated": now,
            "recoveryLevel": "Recoverable+Purgeable",
        }
        return {"id": f"{self.vault.url}/secrets/{name}", "attributes": attributes}

    def _page(self, names: list[str], path: str, query: str) -> dict[str, Any]:
        """A page of a list, without values."""
        given = {name: values[-1] for name, values in parse_qs(query).items()}
        first = int(given.get("$skiptoken", 0))
        size = min(int(given.get("maxresults", self.vault.page_size)), self.vault.page_size)
        rest = f"{self.vault.url}/{path}?api-version={given['api-version']}&$skiptoken={first + size}"
        more = first + size < len(names)
        found = [self._item(name) for name in names[first : first + size]]
        return {"value": found, "nextLink": f"{rest}&maxresults={size}" if more else None}

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
