"""What a client asks of Form Recognizer v2, read as the service reads it: leniently, and refused by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline.remote import ContainerLink, ServiceFault, TrainingRequest

_PAGES = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")
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
    if not isinstance(body, Mapping) or not isinstance(body.get("source"), str):
        raise BadRequestError(BAD_TRAINING)
    chosen = body.get("sourceFilter") or {}
    if not isinstance(chosen, Mapping) or len(body["source"]) > 2048:
        raise BadRequestError(BAD_TRAINING)
    return TrainingRequest(
        name=str(body.get("modelName") or ""),
        source=ContainerLink("source", body["source"]),
        prefix=str(chosen.get("prefix") or ""),
        include_subfolders=_truth(chosen.get("includeSubFolders")),
        labels=_truth(body.get("useLabelFile")),
    )


def read_pages(text: str | None) -> tuple[int, ...]:
    """`1-3,5`; empty for all. Raises BadRequestError."""
    told = (text or "").replace(" ", "")
    if not told:
        return ()
    if not _PAGES.fullmatch(told):
        raise BadRequestError(ServiceFault("InvalidArgument", "The parameter pages is invalid."))
    numbers: list[int] = []
    for part in told.split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), min(int(last or first), int(first) + 5000) + 1)
    return tuple(dict.fromkeys(numbers))


def read_source(body: Any) -> str:
    """The URL of a document. Raises BadRequestError."""
    url = body.get("source") if isinstance(body, Mapping) else None
    if not isinstance(url, str) or not url.startswith(("http://", "https://")) or len(url) > 2048:
        raise BadRequestError(
            ServiceFault("FailedToDownloadImage", "Failed to download image from input URL.")
        )
    return url


def read_model_ids(body: Any) -> tuple[list[str], str]:
    """The models to compose, and the name of what comes of it. Raises BadRequestError."""
    ids = body.get("modelIds") if isinstance(body, Mapping) else None
    if not isinstance(ids, list) or not ids or not all(isinstance(each, str) for each in ids):
        raise BadRequestError(ServiceFault("1002", "Compose request is invalid: modelIds is missing."))
    return list(ids), str(body.get("modelName") or "")


def read_copy(body: Any) -> str:
    """The token of a copy authorization. Raises BadRequestError."""
    leave = body.get("copyAuthorization") if isinstance(body, Mapping) else None
    token = leave.get("accessToken") if isinstance(leave, Mapping) else None
    if not isinstance(token, str):
        raise BadRequestError(ServiceFault("1002", "Copy request is invalid: copyAuthorization is missing."))
    return token


def _truth(value: object) -> bool:
    return value is True or str(value).strip().lower() == "true"
