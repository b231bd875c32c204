"""Whose fault it is when Form Recognizer v2 refuses a request. Codes: the recorded sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.errors import DocumentError, FormpipeError, RowError
from pipeline.logs import redact
from pipeline.rest.errors import RefusedError

REFUSED = "refused-by-service"
MODEL_MISSING = "model-missing"

_NO_SUCH_MODEL = "1022"
_GATEWAY = "404"  # said in front of the service, which has no such path
_ABOUT_THE_DOCUMENT = (400, 413, 415, 422)
_ABOUT_THE_ROW = {"NotSupportedLanguage", "UnsupportedLocale"}


@contextmanager
def refusals(meaning: Callable[[RefusedError], FormpipeError]) -> Iterator[None]:
    """Turn what the service refuses inside into what it means there."""
    try:
        yield
    except RefusedError as error:
        raise meaning(error) from None  # what the service said may hold a signed URL


def of_a_training(error: RefusedError) -> FormpipeError:
    return _unknown_path(error) or RowError(
        f"the service does not begin to train: {_words(error)}", reason="training-refused"
    )


def of_a_composition(error: RefusedError) -> FormpipeError:
    return _unknown_path(error) or RowError(
        f"the service does not compose these models: {_words(error)}", reason="compose-refused"
    )


def of_a_document(error: RefusedError) -> FormpipeError:
    """About the document, unless it says that it is about the model or the request."""
    about_it = error.status in _ABOUT_THE_DOCUMENT and error.fault.code not in _ABOUT_THE_ROW
    if error.status == 404 or not about_it:
        return of_a_model(error)
    return DocumentError(f"the service does not take this document: {_words(error)}", reason=REFUSED)


def of_a_model(error: RefusedError) -> FormpipeError:
    if error.status == 404 and error.fault.code != _GATEWAY:
        return RowError(
            f"the resource has no such model ({_words(error)}): set the row's model_id to -1 to train one",
            reason=MODEL_MISSING,
        )
    return _unknown_path(error) or RowError(f"the service refuses: {_words(error)}", reason=REFUSED)


def _unknown_path(error: RefusedError) -> FormpipeError | None:
    if error.status != 404 or error.fault.code == _NO_SUCH_MODEL:
        return None
    return RowError(
        f"the endpoint does not know this operation ({_words(error)}): "
        "check the row's endpoint and api_version",
        reason=REFUSED,
    )


def _words(error: RefusedError) -> str:
    return redact(f"{error.fault.code}: {error.fault.message}")[:500]
