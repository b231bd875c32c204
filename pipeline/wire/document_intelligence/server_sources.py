"""Where the documents of a request lie, read as the service reads it (CONTRACTS 3.1, 5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pipeline.remote import ServiceFault
from pipeline.wire.document_intelligence.server_refusals import BadRequestError, invalid, missing
from pipeline.wire.document_intelligence.versions import Version

_CONTAINER = re.compile(r"[$a-zA-Z0-9-]+")
_PERMISSIONS = {"r": "read", "w": "write", "l": "list", "d": "delete"}


@dataclass(frozen=True, slots=True)
class BlobSource:
    """Documents in a container: those under a prefix, or those a JSON-lines file names."""

    url: str = field(repr=False)
    prefix: str = ""
    file_list: str = ""

    @property
    def told(self) -> dict[str, Any]:
        """Where the documents lie, without the signature."""
        url = self.url.partition("?")[0]
        if self.file_list:
            return {"azureBlobFileListSource": {"containerUrl": url, "fileList": self.file_list}}
        return {"azureBlobSource": {"containerUrl": url} | ({"prefix": self.prefix} if self.prefix else {})}


def read_source(body: Mapping[str, Any], version: Version, permissions: str) -> BlobSource:
    """Exactly one of `azureBlobSource` and, since 3.1, `azureBlobFileListSource`, in a container that may be
    used as asked. Raises BadRequestError."""
    folder, listed = body.get("azureBlobSource"), body.get("azureBlobFileListSource")
    if listed is not None and not version.classifiers:
        raise invalid("azureBlobFileListSource", f"{version.name} does not know it.")
    told = listed if folder is None else folder
    if (folder is None) == (listed is None) or not isinstance(told, Mapping):
        message = "Exactly one of azureBlobSource and azureBlobFileListSource is required."
        raise BadRequestError(ServiceFault("ParameterMissing", message))
    url = str(told.get("containerUrl") or "")
    require_container(url)
    require_permissions(url, permissions)
    if folder is None and not told.get("fileList"):
        raise missing("fileList")
    return BlobSource(url, str(told.get("prefix") or ""), str(told.get("fileList") or ""))


def require_container(url: str) -> None:
    """Raises BadRequestError for a URL that names no container."""
    parts = urlsplit(url)
    name = parts.path.strip("/").rpartition("/")[2]
    if parts.scheme not in ("http", "https") or not _CONTAINER.fullmatch(name):
        message = "Invalid content source: Source Uri must include container path"
        raise BadRequestError(ServiceFault("InvalidContentSourceFormat", message))


def require_permissions(url: str, permissions: str) -> None:
    """What a signature does not allow is refused by name. One that refers to a stored policy says nothing of
    permissions, and storage itself refuses what it does not allow. Raises BadRequestError."""
    query = parse_qs(urlsplit(url).query)
    given = query.get("sp")
    if given is None:
        return
    for letter in permissions:
        if letter not in given[0]:
            missing_one = f"SAS '{_PERMISSIONS[letter]}' authorization is missing. Permissions: {given[0]}"
            raise BadRequestError(ServiceFault("InvalidSasToken", f"Invalid SAS token: {missing_one}"))
