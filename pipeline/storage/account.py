"""A storage account and how to sign in to it, from the values of two secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from pipeline.errors import RowError

_DOMAIN = "blob.core.windows.net"


@dataclass(frozen=True, slots=True)
class BlobAccount:
    """`url` is the blob endpoint. At most one of `sas` and `key` is set; without both, whoever is signed
    in (DefaultAzureCredential)."""

    name: str
    url: str
    sas: SecretStr | None = field(default=None, repr=False)
    key: SecretStr | None = field(default=None, repr=False)

    @classmethod
    def of(cls, account: str, credential: str | None) -> BlobAccount:
        """`account` is a name, the URL of a blob endpoint, or a connection string, which brings its own
        credential; `credential` a SAS (with or without `?`) or an account key.

        Raises RowError `storage-account-unusable`.
        """
        account, credential = account.strip(), (credential or "").strip()
        if "AccountName=" in account or "BlobEndpoint=" in account:
            return _of_connection_string(account, credential)
        if not account:
            raise _unusable()
        url = account if "://" in account else f"https://{account}.{_DOMAIN}"
        parts = urlsplit(url)
        if not parts.hostname or parts.scheme not in ("http", "https") or parts.query:
            raise _unusable()
        return _signed(_name(url), f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/"), credential)

    def credential(self) -> Any:
        """What the SDK takes as a credential."""
        if self.sas is not None:
            return self.sas.get_secret_value()
        if self.key is not None:
            return {"account_name": self.name, "account_key": self.key.get_secret_value()}
        from azure.identity import DefaultAzureCredential

        return DefaultAzureCredential()


def _of_connection_string(text: str, credential: str) -> BlobAccount:
    parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    name = parts.get("AccountName", "")
    protocol = parts.get("DefaultEndpointsProtocol", "https")
    domain = f"blob.{parts.get('EndpointSuffix', 'core.windows.net')}"
    url = parts.get("BlobEndpoint") or f"{protocol}://{name}.{domain}"
    found = parts.get("SharedAccessSignature") or parts.get("AccountKey") or credential
    return _signed(name or _name(url), url.rstrip("/"), found)


def _signed(name: str, url: str, credential: str) -> BlobAccount:
    if not credential:
        return BlobAccount(name, url)
    if "sig=" in credential:
        return BlobAccount(name, url, sas=SecretStr(credential.lstrip("?")))
    return BlobAccount(name, url, key=SecretStr(credential))


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
