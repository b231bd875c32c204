"""A storage account and how to sign in to it, from the values of two secrets."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from pipeline.errors import RowError

_DOMAIN = "blob.core.windows.net"


def signed_in() -> Any:
    """Whoever is signed in on this machine (DefaultAzureCredential)."""
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


@dataclass(frozen=True, slots=True)
class BlobAccount:
    """`url` is the blob endpoint. At most one of `sas` and `key` is set; without both, the identity that is
    signed in is asked. `sas_container`: the container of the URL that a SAS was pasted with, if it was."""

    name: str
    url: str
    sas: SecretStr | None = field(default=None, repr=False)
    key: SecretStr | None = field(default=None, repr=False)
    sas_container: str = ""

    @classmethod
    def of(cls, account: str, credential: str | None) -> BlobAccount:
        """`account` is a name, the URL of a blob or Data Lake endpoint, or a connection string, which brings
        its own credential; `credential` a SAS (with or without `?`, or the whole URL it is part of) or an
        account key.

        Raises RowError `storage-account-unusable`.
        """
        account, credential = account.strip(), (credential or "").strip()
        if "AccountName=" in account or "BlobEndpoint=" in account:
            return _of_connection_string(account, credential)
        if not account:
            raise _unusable()
        return _signed("", account if "://" in account else f"https://{account}.{_DOMAIN}", credential)

    def credential(self, identity: Callable[[], Any] = signed_in) -> Any:
        """What the SDK takes as a credential."""
        if self.sas is not None:
            return self.sas.get_secret_value()
        if self.key is not None:
            return {"account_name": self.name, "account_key": self.key.get_secret_value()}
        return identity()


def _of_connection_string(text: str, credential: str) -> BlobAccount:
    parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    name = parts.get("AccountName", "")
    protocol = parts.get("DefaultEndpointsProtocol", "https")
    domain = f"blob.{parts.get('EndpointSuffix', 'core.windows.net')}"
    url = parts.get("BlobEndpoint") or f"{protocol}://{name}.{domain}"
    found = parts.get("SharedAccessSignature") or parts.get("AccountKey") or credential
    return _signed(name, url, found)


def _signed(name: str, endpoint: str, credential: str) -> BlobAccount:
    url = _endpoint(endpoint)
    name = name or _name(url)
    if not credential:
        if not url.startswith("https"):
            raise RowError(
                "the storage account is reached without TLS, where an identity is not sent: give a SAS or an "
                "account key, or make the URL of the account begin with https",
                reason="storage-account-unusable",
            )
        return BlobAccount(name, url)
    if "sig=" in credential or "&" in credential:
        pasted, _, sas = credential.rpartition("?")
        container = urlsplit(pasted).path.removeprefix(urlsplit(url).path).strip("/").partition("/")[0]
        return BlobAccount(name, url, sas=SecretStr(sas), sas_container=container)
    return BlobAccount(name, url, key=SecretStr(_key(credential)))


def _endpoint(url: str) -> str:
    """The blob endpoint; that of Data Lake has another name and the same blobs."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise _unusable() from None
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.username:
        raise _unusable()
    return f"{parts.scheme}://{parts.netloc.replace('.dfs.', '.blob.', 1)}{parts.path}".rstrip("/")


def _key(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RowError(
            "the secret beside the storage account is neither a SAS (it would have a `sig`) nor an account "
            "key (it would be base64): copy it again, whole",
            reason="storage-account-unusable",
        ) from None
    return text


def _name(url: str) -> str:
    """The account in an endpoint: the first label of the host, or the path where the host is an address."""
    parts = urlsplit(url)
    path = parts.path.strip("/")
    return path.split("/")[0] if path else (parts.hostname or "").split(".")[0]


def _unusable() -> RowError:
    return RowError(
        "the secret of the storage account is neither an account name, nor the URL of a blob endpoint, nor a "
        "connection string: mend it",
        reason="storage-account-unusable",
    )
