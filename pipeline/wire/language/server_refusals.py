"""What the Language service refuses of a request, by name (CONTRACTS 4.6)."""

from __future__ import annotations

from pipeline.remote import ServiceFault


class BadRequestError(Exception):
    """A request the service refuses; `fault` is what it says."""

    def __init__(self, fault: ServiceFault, status: int = 400) -> None:
        super().__init__(fault.code)
        self.fault = fault
        self.status = status


def refused(code: str, message: str, status: int = 400) -> BadRequestError:
    return BadRequestError(ServiceFault(code, message), status)


def malformed(what: str) -> BadRequestError:
    """A body, or a member of it, that is none."""
    return refused("InvalidRequestBodyFormat", f"The request body is invalid: {what}.")


def wrong(parameter: str, why: str = "") -> BadRequestError:
    message = f"Invalid value for parameter {parameter}" + (f": {why}" if why else ".")
    return BadRequestError(ServiceFault("InvalidParameterValue", message, parameter))


def not_found(code: str, what: str) -> BadRequestError:
    return refused(code, f"{what} was not found.", 404)
