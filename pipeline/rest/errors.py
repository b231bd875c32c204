"""What a service refuses, before an engine has said whose fault it is."""

from __future__ import annotations

from pipeline.errors import FormpipeError
from pipeline.remote import ServiceFault


class RefusedError(FormpipeError):
    """A 4xx answer that is about this request. Engines turn it into a DocumentError or a RowError."""

    reason = "refused-by-service"

    def __init__(self, status: int, fault: ServiceFault) -> None:
        super().__init__(f"{status} {fault.code}: {fault.message}")
        self.status = status
        self.fault = fault

    def __reduce__(self) -> tuple[object, ...]:
        return (RefusedError, (self.status, self.fault))
