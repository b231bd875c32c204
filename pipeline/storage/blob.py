"""Azure Blob Storage and Data Lake Gen2 (through its blob endpoint) as storage."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobPrefix, BlobServiceClient, ContainerClient, ContentSettings

from pipeline.errors import AttemptError, DocumentError, FormpipeError, RowError
from pipeline.remote import ContainerLink
from pipeline.sas import read_sas
from pipeline.storage import signing
from pipeline.storage.account import BlobAccount
from pipeline.types import Blob

_PAGE = 5000
_LONGEST_PATH = 1024
_NOT_SIGNED_IN = {
    "AuthenticationFailed",
    "AuthorizationFailure",
    "InvalidAuthenticationInfo",
    "NoAuthenticationInformation",
}
_NOT_ALLOWED = {
    "AuthorizationPermissionMismatch": "storage-sas-permission",
    "AuthorizationResourceTypeMismatch": "storage-sas-permission",
    "AuthorizationServiceMismatch": "storage-sas-permission",
    "AuthorizationProtocolMismatch": "storage-not-authorised",
    "AuthorizationSourceIPMismatch": "storage-not-authorised",
}
_JSON = ContentSettings(content_type="application/json; charset=utf-8")

Result = TypeVar("Result")


class BlobStorage:
    """One account. `account(fresh)` gives it with its credential; it is asked again, fresh, when what was
    given is no longer accepted. Usable from several threads."""

    def __init__(
        self,
        account: Callable[[bool], BlobAccount],
        *,
        page_size: int = _PAGE,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._account_of = account
        self._page_size = page_size
        self._now = now
        self._lock = threading.Lock()
        self._opened: tuple[BlobAccount, BlobServiceClient] | None = None

    @property
    def account(self) -> str:
        return self._open()[0].name

    def list(self, container: str, prefix: str = "", *, recursive: bool = True) -> Iterator[Blob]:
        """Flat, page by page, as the service sorts: by name. Folder markers of hierarchical accounts, which
        are empty blobs that name a folder, are left out."""
        token: str | None = None
        while True:
            page, token = self._again(partial(self._page, container, prefix, recursive, token))
            yield from page
            if not token:
                return

    def read(self, container: str, path: str, etag: str | None = None) -> bytes:
        def read() -> bytes:
            pinned: dict[str, Any] = {}
            if etag is not None:
                pinned = {"etag": _quoted(etag), "match_condition": MatchConditions.IfNotModified}
            blob = self._container(container).get_blob_client(_safe(path))
            return bytes(blob.download_blob(max_concurrency=1, **pinned).readall())

        with _reading(container):
            return self._again(read)

    def write(self, container: str, path: str, content: bytes) -> None:
        safe = _safe(path)

        def write() -> None:
            blob = self._container(container).get_blob_client(safe)
            blob.upload_blob(
                content, overwrite=True, content_settings=_JSON if path.endswith(".json") else None
            )

        with _writing(container):
            self._again(write)

    def link(self, container: str, *, permissions: str, lifetime: timedelta) -> ContainerLink:
        with _reading(container):
            return self._again(
                lambda: signing.link(*self._open(), container, permissions, lifetime, self._now())
            )

    # --- the SDK ------------------------------------------------------------------------------------

    def _page(
        self, container: str, prefix: str, recursive: bool, token: str | None
    ) -> tuple[tuple[Blob, ...], str | None]:
        client = self._container(container)
        with _listing(container):
            listing: Any = client.list_blobs if recursive else client.walk_blobs
            pages = listing(prefix or None, results_per_page=self._page_size).by_page(token)
            found = tuple(_blob(item) for item in next(pages, ()) if not _is_folder(client, item))
            return found, pages.continuation_token

    def _container(self, name: str) -> ContainerClient:
        return self._open()[1].get_container_client(name)

    def _open(self, fresh: bool = False) -> tuple[BlobAccount, BlobServiceClient]:
        with self._lock:
            if self._opened is None or fresh:
                account = self._account_of(fresh)
                client = BlobServiceClient(
                    account.url,
                    credential=account.credential(),
                    retry_total=4,
                    connection_timeout=10,
                    read_timeout=60,
                    logging_enable=False,
                )
                self._opened = (account, client)
            return self._opened

    def _again(self, call: Callable[[], Result]) -> Result:
        """Once more with the secret read again where it is no longer accepted: a key was rotated."""
        try:
            return call()
        except (ClientAuthenticationError, _NotSignedInError):
            self._open(fresh=True)
        try:
            return call()
        except (ClientAuthenticationError, _NotSignedInError):
            raise _not_signed_in(self._open()[0], self._now()) from None


class _NotSignedInError(Exception):
    """The account does not know who asks."""


@contextmanager
def _listing(container: str) -> Iterator[None]:
    with _reading(container):
        try:
            yield
        except ResourceNotFoundError:
            raise _no_container(container) from None


@contextmanager
def _reading(container: str) -> Iterator[None]:
    try:
        yield
    except (ClientAuthenticationError, FormpipeError):
        raise
    except ResourceModifiedError:
        raise AttemptError("the blob changed after it was listed", reason="blob-changed") from None
    except ResourceNotFoundError as error:
        if _code(error) == "ContainerNotFound":
            raise _no_container(container) from None
        raise DocumentError("the blob is no longer there", reason="blob-gone") from None
    except AzureError as error:
        raise _named(error, container, "read") from None


@contextmanager
def _writing(container: str) -> Iterator[None]:
    try:
        yield
    except (ClientAuthenticationError, FormpipeError):
        raise
    except ResourceNotFoundError:
        raise _no_container(container) from None
    except HttpResponseError as error:
        if error.status_code == 403 and _code(error) not in _NOT_SIGNED_IN:
            raise RowError(
                f"cannot write into container {container!r} ({_code(error)}): give the SAS the permissions "
                "create and write, or the identity the role 'Storage Blob Data Contributor'",
                reason="storage-not-writable",
            ) from None
        raise _named(error, container, "written") from None
    except AzureError as error:
        raise _named(error, container, "written") from None


def _named(error: AzureError, container: str, done: str) -> Exception:
    code, status = _code(error), getattr(error, "status_code", None)
    if code in _NOT_SIGNED_IN or status == 401:
        return _NotSignedInError(code)
    if status == 403:
        return RowError(
            f"container {container!r} cannot be {done} ({code or 403}): check the permissions, expiry and "
            "address range of the SAS, or the role of the identity (`formpipe doctor` tells more)",
            reason=_NOT_ALLOWED.get(code, "storage-not-authorised"),
        )
    told = f"answers {status} {code}".strip() if status else f"cannot be reached ({type(error).__name__})"
    return AttemptError(f"the storage account {told}", reason="blob-unreadable")


def _not_signed_in(account: BlobAccount, now: datetime) -> RowError:
    sas = read_sas(account.sas.get_secret_value()) if account.sas else None
    if sas is not None and sas.expiry is not None and sas.expiry <= now:
        return RowError(
            f"the SAS of the storage account {account.name} has expired: make a new one and update the "
            "secret (`formpipe doctor` tells what it needs)",
            reason="storage-sas-expired",
        )
    return RowError(
        f"the storage account {account.name} accepts neither the SAS, nor the key, nor the identity that was "
        "found, or its firewall keeps this machine out: check the storage secrets of the row "
        "(`formpipe doctor` tells more)",
        reason="storage-not-authorised",
    )


def _code(error: AzureError) -> str:
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def _no_container(container: str) -> RowError:
    return RowError(
        f"there is no container {container!r} in the storage account: create it or mend the row",
        reason="container-missing",
    )


def _blob(item: Any) -> Blob:
    return Blob(item.name, (item.etag or "").strip('"'), item.size or 0, item.last_modified)


def _quoted(etag: str) -> str:
    return etag if etag.startswith('"') else f'"{etag}"'


def _is_folder(client: ContainerClient, item: Any) -> bool:
    """A prefix of a walk, or the marker of a folder in a hierarchical account: an empty blob whose metadata
    has `hdi_isfolder`. Listings are without metadata, which would be the larger part of them; only empty
    blobs are looked at."""
    if isinstance(item, BlobPrefix):
        return True
    if item.size:
        return False
    try:
        metadata = client.get_blob_client(item.name).get_blob_properties().metadata or {}
    except ResourceNotFoundError:
        return True
    return {name.lower(): value for name, value in metadata.items()}.get("hdi_isfolder") == "true"


def _safe(path: str) -> str:
    parts = path.split("/")
    if (
        not path
        or len(path) > _LONGEST_PATH
        or path.startswith("/")
        or "\0" in path
        or {".", ".."} & {*parts}
    ):
        raise DocumentError("this path leaves its container or cannot be a blob", reason="unsafe-path")
    return path
