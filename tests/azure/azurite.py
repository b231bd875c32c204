"""A real blob server: Azurite, from npm, on a free port.

Over TLS it takes the tokens of identities too: it looks at what they say of themselves, and at no signature.
It makes keys for user-delegation signatures, but knows the strings that are signed only up to the API version
of its own release: signatures of a newer SDK it refuses."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from azure.storage.blob import (
    AccountSasPermissions,
    BlobServiceClient,
    ContainerSasPermissions,
    ResourceTypes,
    generate_account_sas,
    generate_container_sas,
)
from tests.azure.npm import PackageMissingError, installed, node
from tests.azure.ports import free_port, stop, wait_for

VERSION = "3.35.0"
_MAIN = "node_modules/azurite/dist/src/blob/main.js"

AzuriteMissingError = PackageMissingError


@dataclass(frozen=True)
class Account:
    """A storage account of a running Azurite."""

    name: str
    key: str
    port: int
    authority: Path | None = None
    """Who signed its certificate; without one it speaks plain HTTP."""

    @property
    def scheme(self) -> str:
        return "https" if self.authority else "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/{self.name}"

    @property
    def connection_string(self) -> str:
        return (
            f"DefaultEndpointsProtocol={self.scheme};AccountName={self.name};AccountKey={self.key};"
            f"BlobEndpoint={self.url};"
        )

    def client(self) -> BlobServiceClient:
        return BlobServiceClient(
            self.url,
            credential={"account_name": self.name, "account_key": self.key},
            connection_verify=str(self.authority) if self.authority else True,
        )

    def container(self, name: str) -> Any:
        client = self.client().get_container_client(name)
        if not client.exists():
            client.create_container()
        return client

    def account_sas(self, permissions: str = "rwdlc", **more: Any) -> str:
        return str(
            generate_account_sas(
                self.name,
                self.key,
                ResourceTypes(service=True, container=True, object=True),
                AccountSasPermissions.from_string(permissions),
                more.pop("expiry", datetime.now(UTC) + timedelta(hours=1)),
                **more,
            )
        )

    def container_sas(self, container: str, permissions: str = "rl", **more: Any) -> str:
        return str(
            generate_container_sas(
                self.name,
                container,
                account_key=self.key,
                permission=ContainerSasPermissions.from_string(permissions),
                expiry=more.pop("expiry", datetime.now(UTC) + timedelta(hours=1)),
                **more,
            )
        )


@dataclass(frozen=True)
class Azurite:
    """Two accounts: training and scoring forms may lie apart. `log` is what the server said."""

    first: Account
    second: Account
    log: Path


@contextmanager
def running_azurite(folder: Path, *, tls: bool = False) -> Iterator[Azurite]:
    """A server that keeps its blobs in `folder`; with `tls` its certificate is made there, and identities
    sign in. Raises AzuriteMissingError where there is none to be had."""
    main, program = installed("azurite", VERSION, _MAIN, title="Azurite"), node()
    folder.mkdir(parents=True, exist_ok=True)
    authority, options = _certified(folder) if tls else (None, [])
    port, log = free_port(), folder / "azurite.log"
    accounts = [
        Account(name, base64.b64encode(name.encode() * 4).decode(), port, authority)
        for name in ("alpha", "beta")
    ]
    environment = os.environ | {"AZURITE_ACCOUNTS": ";".join(f"{a.name}:{a.key}" for a in accounts)}
    command = [
        program,
        str(main),
        "--silent",
        "--disableTelemetry",
        "--skipApiVersionCheck",
        "--loose",
        *options,
    ]
    command += ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
        try:
            _wait(port, process, log)
            yield Azurite(*accounts, log)
        finally:
            stop(process)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    try:
        wait_for(port, process)
    except RuntimeError as error:
        raise RuntimeError(f"Azurite: {error}; it said: {_last(log.read_text(errors='replace'))}") from None


def _certified(folder: Path) -> tuple[Path, list[str]]:
    """A new authority, and the options that make Azurite use a certificate of its."""
    import trustme

    authority, chain, key = (folder / name for name in ("authority.pem", "chain.pem", "key.pem"))
    maker = trustme.CA()
    issued = maker.issue_cert("127.0.0.1", "localhost")
    maker.cert_pem.write_to_path(str(authority))
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(key))
    return authority, ["--oauth", "basic", "--cert", str(chain), "--key", str(key)]


def _last(text: str) -> str:
    """The end of what a program said, in one line."""
    return " | ".join(line.strip() for line in text.strip().splitlines()[-3:])[-300:]
