"""Whose fault it is when the Language service refuses a request (CONTRACTS 4.6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.errors import AttemptError, DocumentError, FormpipeError, RowError
from pipeline.rest.errors import RefusedError

REFUSED = "refused-by-service"
MODEL_MISSING = "model-missing"
PROJECT_MISSING = "project-missing"
DEPLOYMENT_MISSING = "deployment-missing"

_CONFLICT = 409
_GATEWAY = "404"  # said in front of the service, which has no such path
_BUSY = re.compile(r"already (?:running|in progress|being)|in progress|is running|concurrent", re.IGNORECASE)
_FULL = re.compile(
    r"(?:limit|maximum|max|too many|exceed).{0,80}(?:model|deployment|project)"
    r"|(?:models?|deployments?|projects?)\b.{0,80}(?:limit|maximum|exceed)",
    re.IGNORECASE,
)
_IN_USE = re.compile(r"deploy", re.IGNORECASE)
_DOCUMENT_STATUSES = (400, 413, 422)
_ABOUT_TEXTS = {"InvalidDocument", "InvalidDocumentBatch", "InvalidArgument", "MissingInputDocuments"}
_CASE = "names keep their case, and differ by it"


@contextmanager
def refusals(meaning: Callable[[RefusedError], FormpipeError]) -> Iterator[None]:
    """Turn what the service refuses inside into what it means there."""
    try:
        yield
    except RefusedError as error:
        raise meaning(error) from None  # what the service said may hold a text


def of_an_import(error: RefusedError) -> FormpipeError:
    if error.status == _CONFLICT:
        return AttemptError(f"the project is being changed ({_words(error)})", reason="project-busy")
    return (
        _full(error)
        or _unknown_path(error)
        or _row(
            "the service does not take this project file: check its container, and that the resource may "
            "read it (role Storage Blob Data Contributor)",
            error,
            "import-refused",
        )
    )


def of_a_training(error: RefusedError) -> FormpipeError:
    """One project trains one model at a time."""
    if error.status == _CONFLICT or (_BUSY.search(error.fault.message) and not _missing(error)):
        return AttemptError(
            f"the project trains another model ({_words(error)}): this one is begun when that has ended",
            reason="training-busy",
        )
    return _full(error) or _of_a_project(error, "the service does not begin to train", "training-refused")


def of_a_deployment(error: RefusedError) -> FormpipeError:
    full = _full(error)
    if full is not None:
        return full
    if error.status == _CONFLICT or _BUSY.search(error.fault.message):
        return AttemptError(
            f"the deployment is being changed ({_words(error)}): tried again later", reason="deployment-busy"
        )
    if _missing(error) and error.fault.code != "ProjectNotFound":
        return RowError(f"there is no such model to deploy ({_words(error)}): {_CASE}", reason=MODEL_MISSING)
    return _of_a_project(error, "the service does not deploy this model", "deployment-refused")


def of_texts(error: RefusedError) -> FormpipeError:
    """About one of the texts, unless it says that it is about the deployment or the request."""
    if error.status in _DOCUMENT_STATUSES and error.fault.code in _ABOUT_TEXTS:
        return DocumentError(f"the service does not take this text: {_words(error)}", reason=REFUSED)
    return of_a_swap(error)


def of_a_swap(error: RefusedError) -> FormpipeError:
    if _missing(error) or "deployment" in error.fault.message.lower():
        return RowError(
            f"the project has no such deployment ({_words(error)}): {_CASE}; deploy a model again",
            reason=DEPLOYMENT_MISSING,
        )
    return _unknown_path(error) or _row("the service refuses", error)


def of_a_model(error: RefusedError) -> FormpipeError:
    if _missing(error) and error.fault.code != "ProjectNotFound":
        return RowError(
            f"the project has no such model ({_words(error)}): {_CASE}; set the row's model_id to -1 to "
            "train one",
            reason=MODEL_MISSING,
        )
    if error.status in (400, _CONFLICT) and _IN_USE.search(error.fault.message):
        return RowError(
            f"the model is deployed ({_words(error)}): delete its deployment first", reason="model-in-use"
        )
    return _of_a_project(error, "the service refuses")


def of_an_evaluation(error: RefusedError) -> FormpipeError:
    if _missing(error) and error.fault.code != "ProjectNotFound":
        return RowError(
            f"the service has no evaluation of this model ({_words(error)}): it makes none of fewer than ten "
            "labelled texts",
            reason="evaluation-missing",
        )
    return _of_a_project(error, "the service does not tell its evaluation")


def of_a_project(error: RefusedError) -> FormpipeError:
    return _of_a_project(error, "the service refuses")


def gone_already(error: RefusedError) -> bool:
    """Whether what was to be deleted is not there."""
    return _missing(error)


# --- parts ------------------------------------------------------------------------------------------


def _of_a_project(error: RefusedError, what: str, reason: str = REFUSED) -> FormpipeError:
    if _missing(error):
        return RowError(
            f"the resource has no such project ({_words(error)}): {_CASE}", reason=PROJECT_MISSING
        )
    return _unknown_path(error) or _row(what, error, reason)


def _missing(error: RefusedError) -> bool:
    return error.status == 404 and error.fault.code != _GATEWAY


def _full(error: RefusedError) -> FormpipeError | None:
    if error.status not in (400, 403, _CONFLICT) or not _FULL.search(error.fault.message):
        return None
    return RowError(
        f"the project or resource holds as many as it may ({_words(error)}): delete old models or "
        "deployments",
        reason="quota-exceeded",
    )


def _unknown_path(error: RefusedError) -> FormpipeError | None:
    if error.status != 404:
        return None
    return RowError(
        f"the endpoint does not know this operation ({_words(error)}): check the row's endpoint and "
        "api_version",
        reason=REFUSED,
    )


def _row(what: str, error: RefusedError, reason: str = REFUSED) -> FormpipeError:
    return RowError(f"{what}: {_words(error)}", reason=reason)


def _words(error: RefusedError) -> str:
    return f"{error.fault.code}: {error.fault.message}"[:500]
