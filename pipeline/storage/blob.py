"""Azure Blob Storage and Data Lake Gen2 (through its blob endpoint) as storage."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobPrefix, BlobServiceClient, ContentSettings

from pipeline.errors import DocumentError
from pipeline.remote import ContainerLink
from pipeline.storage import signing
from pipeline.storage.account import BlobAccount, signed_in
from pipeline.storage.paging import MarkerRefusedError, Page, items
from pipeline.storage.refusals import Asked, Doing, refusal, signed_out
from pipeline.types import Blob

_PAGE = 5000
_LONGEST_PATH = 1024
_MOST_SEGMENTS = 254
_JSON = ContentSettings(content_type="application/json; charset=utf-8")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the SDK goes on by itself when the account is busy or away. Seconds.

    By default it asks four times, some 3, 5 and 9 seconds apart; an attempt waits 10 seconds for a connection
    and 60 for the next bytes. (The SDK's own waits are 18, 24 and 42 seconds.) A listing that breaks after
    that goes on from its marker, up to `breaks` times a page, after random waits that grow to
    `longest_pause`.
    """

    retries: int = 3
    first_wait: int = 1
    wait_base: int = 2
    jitter: int = 1
    connect: int = 10
    read: int = 60
    breaks: int = 5
    longest_pause: float = 60.0

    def options(self) -> dict[str, Any]:
        return {
            "retry_total": self.retries,
            "retry_connect": self.retries,
            "retry_read": self.retries,
            "retry_status": self.retries,
            "initial_backoff": self.first_wait,
            "increment_base": self.wait_base,
            "random_jitter_range": self.jitter,
            "connection_timeout": self.connect,
            "read_timeout": self.read,
        }


@dataclass(frozen=True, slots=True)
class _SignedIn:
    account: BlobAccount
    client: BlobServiceClient


class BlobStorage:
    """One account. `account(fresh)` gives it with its credential; it is asked again, fresh, when what was
    given is no longer accepted. `identity` is who signs in where there is no SAS and no key. Usable from
    several threads."""

    def __init__(
        self,
        account: Callable[[bool], BlobAccount],
        *,
        page_size: int = _PAGE,
        patience: Patience = Patience(),
        identity: Callable[[], Any] = signed_in,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sleep = sleep
        self._account_of = account
        self._page_size = page_size
        self._patience = patience
        self._identity = identity
        self._now = now
        self._lock = threading.Lock()
        self._signed: _SignedIn | None = None

    @property
    def account(self) -> str:
        return self.signed_account.name

    @property
    def signed_account(self) -> BlobAccount:
        """The account with the credential that is in use."""
        return self._sign_in().account

    def list(self, container: str, prefix: str = "", *, recursive: bool = True) -> Iterator[Blob]:
        """Flat, page by page, as the service sorts: by name. Folder markers of hierarchical accounts, which
        are empty blobs with a mark in their metadata, are left out. Metadata, the larger part of a listing,
        is asked for only from the first page on that has an empty blob. A listing that breaks after its first
        page goes on from its marker (`Patience`)."""

        def ask(marker: str | None, include: tuple[str, ...]) -> Page:
            return self._page(container, prefix, recursive, marker, include)

        patience = self._patience
        for item in items(ask, _may_be_folder, patience.breaks, patience.longest_pause, self._sleep):
            if not _is_folder(item):
                yield _blob(item)

    def read(self, container: str, path: str, etag: str | None = None) -> bytes:
        safe = _safe(path)
        pinned: dict[str, Any] = {}
        if etag is not None:
            pinned = {"etag": _quoted(etag), "match_condition": MatchConditions.IfNotModified}

        def read(signed: _SignedIn) -> bytes:
            blob = signed.client.get_blob_client(container, safe)
            return bytes(blob.download_blob(max_concurrency=1, **pinned).readall())

        return self._ask("read", container, read)

    def write(self, container: str, path: str, content: bytes) -> None:
        safe = _safe(path)
        settings = _JSON if path.endswith(".json") else None

        def write(signed: _SignedIn) -> None:
            blob = signed.client.get_blob_client(container, safe)
            blob.upload_blob(content, overwrite=True, content_settings=settings)

        self._ask("write", container, write)

    def delete(self, container: str, path: str) -> None:
        safe = _safe(path)

        def delete(signed: _SignedIn) -> None:
            blob = signed.client.get_blob_client(container, safe)
            try:
                blob.delete_blob(delete_snapshots="include")
            except ResourceNotFoundError:
                return

        self._ask("delete", container, delete)

    def link(self, container: str, *, permissions: str, lifetime: timedelta) -> ContainerLink:
        def link(signed: _SignedIn) -> ContainerLink:
            return signing.link(signed.account, signed.client, container, permissions, lifetime, self._now())

        return self._ask("link", container, link)

    # --- the SDK ------------------------------------------------------------------------------------

    def _page(
        self, container: str, prefix: str, recursive: bool, marker: str | None, include: tuple[str, ...]
    ) -> Page:
        def page(signed: _SignedIn) -> Page:
            client = signed.client.get_container_client(container)
            listing: Any = client.list_blobs if recursive else client.walk_blobs
            pages = listing(
                prefix or None, include=list(include) or None, results_per_page=self._page_size
            ).by_page(marker)
            try:
                return Page(tuple(next(pages, ())), pages.continuation_token)
            except HttpResponseError as error:
                if marker and error.status_code == 400 and not signed_out(error):
                    raise MarkerRefusedError from None
                raise

        return self._ask("list", container, page)

    def _ask(self, doing: Doing, container: str, call: Callable[[_SignedIn], Result]) -> Result:
        """Once more with the secret read again where it is no longer accepted: a key was rotated."""
        signed = self._sign_in()
        try:
            return call(signed)
        except AzureError as error:
            if not signed_out(error):
                raise refusal(error, Asked(doing, container, signed.account), self._now()) from None
        signed = self._sign_in(instead_of=signed)
        try:
            return call(signed)
        except AzureError as error:
            raise refusal(error, Asked(doing, container, signed.account), self._now()) from None

    def _sign_in(self, instead_of: _SignedIn | None = None) -> _SignedIn:
        """Who is signed in; anew where that is `instead_of`, which another thread may have seen to."""
        with self._lock:
            if self._signed is None or self._signed is instead_of:
                account = self._account_of(instead_of is not None)
                client = BlobServiceClient(
                    account.url,
                    credential=account.credential(self._identity),
                    logging_enable=False,
                    **self._patience.options(),
                )
                self._signed = _SignedIn(account, client)
            return self._signed


def _blob(item: Any) -> Blob:
    return Blob(item.name, (item.etag or "").strip('"'), item.size or 0, item.last_modified)


def _quoted(etag: str) -> str:
    return etag if etag.startswith('"') else f'"{etag}"'


def _may_be_folder(item: Any) -> bool:
    return not isinstance(item, BlobPrefix) and not item.size


def _is_folder(item: Any) -> bool:
    """A prefix of a walk, or the marker of a folder: an empty blob whose metadata has `hdi_isfolder`, or
    whose name ends as a folder's."""
    if isinstance(item, BlobPrefix):
        return True
    if item.size:
        return False
    marks = {name.lower(): value.lower() for name, value in (item.metadata or {}).items()}
    return marks.get("hdi_isfolder") == "true" or item.name.endswith("/")


def _safe(path: str) -> str:
    """The path; raises DocumentError for one that would leave its container (the service takes a backslash
    for a slash), or that no blob can have."""
    segments = path.replace("\\", "/").split("/")
    if (
        not path
        or len(path) > _LONGEST_PATH
        or len(segments) > _MOST_SEGMENTS
        or not segments[0]
        or {".", ".."} & {*segments}
        or any(ord(letter) < 0x20 or letter == "\x7f" or 0xD800 <= ord(letter) < 0xE000 for letter in path)
    ):
        raise DocumentError("this path leaves its container or cannot be a blob", reason="unsafe-path")
    return path
