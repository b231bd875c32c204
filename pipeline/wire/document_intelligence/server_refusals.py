"""What the service refuses of a request, by name (CONTRACTS 3.4)."""

from __future__ import annotations

from pipeline.remote import ServiceFault


class BadRequestError(Exception):
    """A request the service refuses; `fault` is what it says."""

    def __init__(self, fault: ServiceFault, status: int = 400) -> None:
        super().__init__(fault.code)
        self.fault = fault
        self.status = status


def invalid(parameter: str, why: str = "") -> BadRequestError:
    """A parameter that is none."""
    message = f"The parameter {parameter} is invalid" + (f": {why}" if why else ".")
    return BadRequestError(ServiceFault("InvalidParameter", message, parameter))


def missing(parameter: str) -> BadRequestError:
    return BadRequestError(
        ServiceFault("ParameterMissing", f"The parameter {parameter} is required.", parameter)
    )


def invalid_content() -> BadRequestError:
    """A document that cannot be read."""
    message = (
        "The file is corrupted or format is unsupported. Refer to documentation for the list of supported "
        "formats."
    )
    return BadRequestError(ServiceFault("InvalidContent", message))


def not_done(what: str) -> BadRequestError:
    """What the service does and the emulator does not."""
    return BadRequestError(ServiceFault("NotImplemented", f"The emulator has no {what}."), 501)
