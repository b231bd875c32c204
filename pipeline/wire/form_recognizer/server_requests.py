"""What a client asks of Form Recognizer v2, read as the service reads it: leniently, and refused by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline.remote import ContainerLink, ServiceFault, TrainingRequest

_PAGES = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")
_REGION = re.compile(r"[a-z0-9]{1,24}")
_LONGEST = 2048
_MOST_PAGES = 2000
_BAD_PAGES = ServiceFault("InvalidArgument", "The parameter pages is invalid.")
_LONGEST_PREFIX = 1024
_BAD_COPY = (
    "Copy request is invalid: targetResourceId, targetResourceRegion and the copyAuthorization of the target "
    "are needed."
)
BAD_TRAINING = ServiceFault(
    "1002",
    "Train request is either invalid or missing required parameters. Please reference the API reference and "
    "retry your request.",
)
NO_DOWNLOAD = ServiceFault("FailedToDownloadImage", "Failed to download image from input URL.")


class BadRequestError(Exception):
    """A request the service refuses; `fault` is what it says."""

    def __init__(self, fault: ServiceFault, status: int = 400) -> None:
        super().__init__(fault.code)
        self.fault = fault
        self.status = status


def read_training(body: Any) -> TrainingRequest:
    """A training; booleans may be words. Raises BadRequestError."""
    told = body if isinstance(body, Mapping) else {}
    source, chosen = told.get("source"), told.get("sourceFilter") or {}
    if not isinstance(source, str) or not isinstance(chosen, Mapping) or not 0 < len(source) <= _LONGEST:
        raise BadRequestError(BAD_TRAINING)
    prefix = str(chosen.get("prefix") or "")
    if len(prefix) > _LONGEST_PREFIX:
        raise BadRequestError(BAD_TRAINING)
    return TrainingRequest(
        name=str(told.get("modelName") or ""),
        source=ContainerLink("source", source),
        prefix=prefix,
        include_subfolders=_truth(chosen.get("includeSubFolders")),
        labels=_truth(told.get("useLabelFile")),
    )


def read_pages(text: str | None) -> tuple[int, ...]:
    """`1-3,5`; empty for all. Raises BadRequestError."""
    told = (text or "").replace(" ", "")
    if not told:
        return ()
    if not _PAGES.fullmatch(told):
        raise BadRequestError(_BAD_PAGES)
    numbers: list[int] = []
    for part in told.split(","):
        first, _, last = part.partition("-")
        start, end = int(first), int(last or first)
        if not 0 < start <= end:
            raise BadRequestError(_BAD_PAGES)
        numbers += range(start, min(end, _MOST_PAGES) + 1)
    return tuple(dict.fromkeys(numbers))


def read_source(body: Any) -> str:
    """The URL of a document. Raises BadRequestError."""
    url = body.get("source") if isinstance(body, Mapping) else None
    if not isinstance(url, str) or not url.startswith(("http://", "https://")) or len(url) > _LONGEST:
        raise BadRequestError(NO_DOWNLOAD)
    return url


def read_model_ids(body: Any) -> tuple[list[str], str]:
    """The models to compose, and the name of what comes of it. Raises BadRequestError."""
    ids = body.get("modelIds") if isinstance(body, Mapping) else None
    if not isinstance(ids, list) or not ids or not all(isinstance(each, str) for each in ids):
        raise BadRequestError(ServiceFault("1002", "Compose request is invalid: modelIds is missing."))
    return list(ids), str(body.get("modelName") or "")


def read_copy(body: Any) -> str:
    """The token of a copy authorization. Raises BadRequestError."""
    told = body if isinstance(body, Mapping) else {}
    leave = told.get("copyAuthorization")
    token = leave.get("accessToken") if isinstance(leave, Mapping) else None
    target = told.get("targetResourceId") and _REGION.fullmatch(str(told.get("targetResourceRegion")))
    if not isinstance(token, str) or not target:
        raise BadRequestError(ServiceFault("1002", _BAD_COPY))
    return token


def _truth(value: object) -> bool:
    return value is True or str(value).strip().lower() == "true"
