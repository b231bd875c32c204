"""A container behind a signed URL, read as a service reads the training set it is given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobPrefix, ContainerClient

from pipeline.errors import DocumentError, RowError
from pipeline.remote import ContainerLink
from pipeline.types import Blob

UNREADABLE = "container-unreadable"


class SignedContainer:
    """Satisfies ports.Storage for one container; its name does not matter. Prefixes are strings, as the
    service takes them, and not folders."""

    def __init__(self, url: str) -> None:
        """Raises RowError (`container-unreadable`)."""
        try:
            self._client = ContainerClient.from_container_url(url, retry_total=2, read_timeout=60)
        except ValueError:
            raise RowError("this is no URL of a container", reason=UNREADABLE) from None

    @property
    def account(self) -> str:
        return str(self._client.account_name)

    def list(self, container: str, prefix: str = "", *, recursive: bool = True) -> Iterator[Blob]:
        with _reading("list"):
            found = self._client.list_blobs(prefix or None) if recursive else self._flat(prefix)
            for item in found:
                if not isinstance(item, BlobPrefix):
                    yield Blob(str(item.name), str(item.etag).strip('"'), int(item.size or 0))

    def _flat(self, prefix: str) -> Iterator[Any]:
        """Without the folders in it. A prefix that is no folder stands for those whose names begin with it:
        `Test` is `Test/` and `Test2/`, and what lies beside them."""
        for item in self._client.walk_blobs(prefix or None):
            if isinstance(item, BlobPrefix) and prefix and not prefix.endswith("/"):
                yield from self._client.walk_blobs(item.name)
            else:
                yield item

    def read(self, container: str, path: str, etag: str | None = None) -> bytes:
        try:
            with _reading("read"):
                return bytes(self._client.download_blob(path, max_concurrency=1).readall())
        except ResourceNotFoundError:
            raise DocumentError("the blob is not there", reason="blob-gone") from None

    def write(self, container: str, path: str, content: bytes) -> None:
        with _reading("write"):
            self._client.upload_blob(path, content, overwrite=True)

    def delete(self, container: str, path: str) -> None:
        with suppress(ResourceNotFoundError), _reading("delete"):
            self._client.delete_blob(path)

    def link(self, container: str, *, permissions: str, lifetime: timedelta) -> ContainerLink:
        raise RowError("a signed URL makes no other", reason="storage-not-reachable")


@contextmanager
def _reading(what: str) -> Iterator[None]:
    try:
        yield
    except ResourceNotFoundError as error:
        if what == "list":
            raise RowError("ContainerNotFound", reason=UNREADABLE) from None
        raise error
    except HttpResponseError as error:
        told = getattr(error, "error_code", None)
        code = getattr(told, "value", told)
        raise RowError(f"{error.status_code} {code} ({what})", reason=UNREADABLE) from None
    except AzureError as error:
        raise RowError(f"{type(error).__name__} ({what})", reason=UNREADABLE) from None
