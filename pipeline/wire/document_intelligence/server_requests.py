"""What a client asks of Document Intelligence, read as the service reads it, and refused by name."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pipeline.remote import ServiceFault

_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._~-]{1,63}")
_INVALID_CONTENT = (
    "The file is corrupted or format is unsupported. Refer to documentation for the list of supported "
    "formats."
)
_PAGES = re.compile(r"\d+(-\d+)?(,\s*\d+(-\d+)?)*")


class BadRequestError(Exception):
    """A request the service refuses; `fault` is what it says."""

    def __init__(self, fault: ServiceFault, status: int = 400) -> None:
        super().__init__(fault.code)
        self.fault = fault
        self.status = status


@dataclass(frozen=True, slots=True)
class BlobSource:
    """Documents in a container: those under a prefix, or those a JSON-lines file names."""

    url: str = field(repr=False)
    prefix: str = ""
    file_list: str = ""


def require_id(value: object, what: str = "modelId") -> str:
    """Raises BadRequestError for an id that is none, or is the service's own."""
    if not isinstance(value, str) or not _ID.fullmatch(value) or value.startswith("prebuilt-"):
        raise BadRequestError(ServiceFault("InvalidParameter", f"The parameter {what} is invalid.", what))
    return value


def read_source(body: Any, *, required: bool = True) -> BlobSource | None:
    """Exactly one of `azureBlobSource` and `azureBlobFileListSource`. Raises BadRequestError."""
    folder = body.get("azureBlobSource") if isinstance(body, Mapping) else None
    listed = body.get("azureBlobFileListSource") if isinstance(body, Mapping) else None
    told = folder or listed
    if (folder and listed) or (required and not isinstance(told, Mapping)):
        message = "Exactly one of azureBlobSource and azureBlobFileListSource is required."
        raise BadRequestError(ServiceFault("ParameterMissing", message))
    if not isinstance(told, Mapping):
        return None
    url = str(told.get("containerUrl") or "")
    if not urlsplit(url).path.strip("/"):
        message = "Invalid content source: Source Uri must include container path"
        raise BadRequestError(ServiceFault("InvalidContentSourceFormat", message))
    return BlobSource(url, str(told.get("prefix") or ""), str(told.get("fileList") or ""))


def read_document(body: Any) -> tuple[str, bytes]:
    """The URL of a document, or its bytes. Raises BadRequestError."""
    if isinstance(body, Mapping) and isinstance(body.get("urlSource"), str):
        url = str(body["urlSource"])
        if url.startswith(("http://", "https://")):
            return url, b""
    if isinstance(body, Mapping) and isinstance(body.get("base64Source"), str):
        try:
            return "", base64.b64decode(body["base64Source"], validate=True)
        except binascii.Error:
            raise invalid_content() from None
    raise BadRequestError(ServiceFault("ParameterMissing", "urlSource or base64Source is required."))


def invalid_content() -> BadRequestError:
    return BadRequestError(ServiceFault("InvalidContent", _INVALID_CONTENT))


def read_pages(text: str | None) -> tuple[int, ...]:
    """`1-3, 5`; empty for all. Raises BadRequestError."""
    if not text:
        return ()
    if not _PAGES.fullmatch(text):
        raise BadRequestError(ServiceFault("InvalidParameter", "The parameter pages is invalid.", "pages"))
    numbers: list[int] = []
    for part in text.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), min(int(last or first), int(first) + 5000) + 1)
    return tuple(dict.fromkeys(numbers))


def read_parts(body: Any, by_classifier: bool) -> tuple[list[str], str]:
    """The component models of a composition, and in 4.0 its classifier. Raises BadRequestError."""
    told = body if isinstance(body, Mapping) else {}
    if by_classifier:
        kinds = told.get("docTypes")
        parts = [kind.get("modelId") for kind in kinds.values()] if isinstance(kinds, Mapping) else []
        classifier = told.get("classifierId")
        if not classifier:
            raise BadRequestError(
                ServiceFault("ParameterMissing", "classifierId is required.", "classifierId")
            )
        return [str(part) for part in parts if part], str(classifier)
    components = told.get("componentModels") or ()
    return [str(each.get("modelId")) for each in components if isinstance(each, Mapping)], ""
