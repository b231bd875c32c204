"""Whose fault it is when Document Intelligence refuses a request (CONTRACTS 3.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.errors import AttemptError, DocumentError, FormpipeError, RowError
from pipeline.logs import redact
from pipeline.rest.errors import RefusedError

REFUSED = "refused-by-service"
MODEL_MISSING = "model-missing"

_ABOUT_THE_DOCUMENT = (400, 413, 415, 422)
_ABOUT_THE_ROW = {"NotSupportedApiVersion", "ModelNotReady", "InvalidParameter", "ParameterMissing"}
_SAS = {
    "InvalidSasToken": "the signature of the container lacks a permission or has ended",
    "ContentSourceNotAccessible": "the service cannot reach the container (firewall, signature, name)",
    "InvalidContentSourceFormat": "the URL of the container has no container in it",
    "AuthorizationFailed": "the storage account does not let the service in",
}


@contextmanager
def refusals(meaning: Callable[[RefusedError], FormpipeError]) -> Iterator[None]:
    """Turn what the service refuses inside into what it means there."""
    try:
        yield
    except RefusedError as error:
        raise meaning(error) from error


def of_a_training(error: RefusedError) -> FormpipeError:
    why = _SAS.get(error.fault.code)
    told = f"{why} ({_words(error)}): `formpipe doctor` looks at the signature" if why else _words(error)
    return RowError(f"the service does not begin to train: {told}", reason="training-refused")


def of_a_composition(error: RefusedError) -> FormpipeError:
    return RowError(f"the service does not compose these models: {_words(error)}", reason="compose-refused")


def of_a_batch(error: RefusedError) -> FormpipeError:
    if error.status == 404:
        return of_a_model(error)
    return RowError(f"the service does not take this batch: {_words(error)}", reason="batch-refused")


def of_a_document(error: RefusedError) -> FormpipeError:
    about_it = error.status in _ABOUT_THE_DOCUMENT and error.fault.code not in _ABOUT_THE_ROW
    if not about_it:
        return of_a_model(error)
    return DocumentError(f"the service does not take this document: {_words(error)}", reason=REFUSED)


def of_a_poll(error: RefusedError) -> FormpipeError:
    if error.status == 404:
        return AttemptError(
            "the service no longer knows this operation (results are kept for 24 hours): it is begun again",
            reason="operation-expired",
        )
    return RowError(f"the service does not tell the state of an operation: {_words(error)}", reason=REFUSED)


def of_a_model(error: RefusedError) -> FormpipeError:
    if error.status == 404 and error.fault.code in ("ModelNotFound", "NotFound"):
        return RowError(
            f"the resource has no such model ({_words(error)}): set the row's model_id to -1 to train one",
            reason=MODEL_MISSING,
        )
    if error.status == 404:
        return RowError(
            f"the endpoint does not know this operation ({_words(error)}): check the row's endpoint and "
            "api_version",
            reason=REFUSED,
        )
    return RowError(f"the service refuses: {_words(error)}", reason=REFUSED)


def _words(error: RefusedError) -> str:
    return redact(f"{error.fault.code}: {error.fault.message}")[:500]
