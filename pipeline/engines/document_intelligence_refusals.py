"""Whose fault it is when Document Intelligence refuses a request (CONTRACTS 3.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.errors import DocumentError, FormpipeError, RowError
from pipeline.rest.errors import RefusedError

REFUSED = "refused-by-service"
MODEL_MISSING = "model-missing"

_GATEWAY = "404"  # said in front of the service, which has no such path
_ABOUT_THE_DOCUMENT = (400, 413, 415, 422)
_ABOUT_THE_ROW = {
    "InvalidArgument",
    "InvalidParameter",
    "InvalidParameterLength",
    "InvalidSasToken",
    "ModelNotReady",
    "NotSupportedApiVersion",
    "ParameterMissing",
}
_FULL = "DocumentModelLimit"
_WHAT_TO_DO = {
    "InvalidSasToken": "the signature of the container ended or lacks read or list: `formpipe doctor` says "
    "which, then renew the storage_sas_secret",
    "ContentSourceNotAccessible": "the service cannot reach the container: check its name, the signature and "
    "the firewall of the storage account (a signature does not pass it, a managed identity does)",
    "ContentSourceTimeout": "the storage account was too slow: run again",
    "InvalidContentSourceFormat": "the URL of the container names no container: check the row's container",
    "AuthorizationFailed": "the storage account does not let the service in: give the identity of the "
    "resource the role Storage Blob Data Reader",
    "InvalidFieldsDefinition": "fields.json of the training folder is not valid: `formpipe doctor` checks it",
    "InvalidTrainingContentLength": "the training set is larger than a model may have: train on fewer forms",
    "InvalidTrainingContentPageCount": "the training set has too many pages: train on fewer forms",
    "TrainingContentMissing": "there are no training documents under the row's folder: check its name",
}


@contextmanager
def refusals(meaning: Callable[[RefusedError], FormpipeError]) -> Iterator[None]:
    """Turn what the service refuses inside into what it means there."""
    try:
        yield
    except RefusedError as error:
        raise meaning(error) from None  # what the service said may hold a signed URL


def of_a_training(error: RefusedError) -> FormpipeError:
    return (
        _spent(error)
        or _unknown_path(error)
        or _row("the service does not begin to train", error, "training-refused")
    )


def of_a_composition(error: RefusedError) -> FormpipeError:
    return (
        _spent(error)
        or _unknown_path(error)
        or _row("the service does not compose these models", error, "compose-refused")
    )


def of_a_batch(error: RefusedError) -> FormpipeError:
    if error.status == 404:
        return of_a_model(error)
    return _row("the service does not take this batch", error, "batch-refused")


def of_a_document(error: RefusedError) -> FormpipeError:
    """About the document, unless it says that it is about the model or the request."""
    if error.status not in _ABOUT_THE_DOCUMENT or error.fault.code in _ABOUT_THE_ROW:
        return of_a_model(error)
    return DocumentError(f"the service does not take this document: {_words(error)}", reason=REFUSED)


def of_a_model(error: RefusedError) -> FormpipeError:
    if error.status == 404 and error.fault.code != _GATEWAY:
        return RowError(
            f"the resource has no such model ({_words(error)}): set the row's model_id to -1 to train one",
            reason=MODEL_MISSING,
        )
    return _spent(error) or _unknown_path(error) or _row("the service refuses", error)


def _spent(error: RefusedError) -> FormpipeError | None:
    if not error.fault.code.startswith(_FULL):
        return None
    return RowError(
        f"the resource holds as many models as it may ({_words(error)}): `formpipe models prune` deletes "
        "old ones",
        reason="quota-exceeded",
    )


def _unknown_path(error: RefusedError) -> FormpipeError | None:
    if error.status != 404:
        return None
    return RowError(
        f"the endpoint does not know this operation ({_words(error)}): "
        "check the row's endpoint and api_version",
        reason=REFUSED,
    )


def _row(what: str, error: RefusedError, reason: str = REFUSED) -> FormpipeError:
    todo = _WHAT_TO_DO.get(error.fault.code)
    return RowError(f"{what}: {f'{todo} ({_words(error)})' if todo else _words(error)}", reason=reason)


def _words(error: RefusedError) -> str:
    return f"{error.fault.code}: {error.fault.message}"[:500]
