"""What every call passes: access log, planned faults, authentication, limits, and then its route."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from pipeline.emulator import auth
from pipeline.emulator.access import Access, AccessLog
from pipeline.emulator.faults import OF_CALLS, FaultRule, read_plan
from pipeline.emulator.jobs import TEXTS
from pipeline.emulator.limits import RateLimits
from pipeline.emulator.options import EmulatorOptions
from pipeline.emulator.routing import Call, Route, answer, find, gateway_error
from pipeline.emulator.service import EmulatorService
from pipeline.emulator.spoken import Spoken, spoken
from pipeline.errors import FormpipeError, place_of
from pipeline.logs import log_event

_DENIED = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key "
    "for an active subscription and use a correct regional API endpoint for your resource."
)
_THROTTLED = (
    "Requests to the {route} Operation under {api} API ({version}) have exceeded rate limit of "
    "your current {resource} {tier} pricing tier. Please retry after {seconds} seconds. Please contact "
    "Azure support service if you would like to further increase the default rate limit."
)
_UNKNOWN = "The emulator does not speak {method} {path}: see docs/emulator.md for what it speaks."
_RETIRED = "The requested API version has been retired."
_BROKEN = {"error": {"code": "InternalServerError", "message": "An unexpected error occurred."}}


@dataclass(frozen=True, slots=True)
class Visit:
    """A call before anyone looked at it. `endpoint` is scheme and host as the client named them; names of
    headers are in lower case."""

    method: str
    endpoint: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]

    @classmethod
    def of(cls, request: Request) -> Visit:
        endpoint = f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}"
        query, headers = dict(request.query_params), dict(request.headers)
        return cls(request.method, endpoint, request.scope["path"], query, headers)


class Door:
    """Everything behind the application. Waits are awaited, work is done in threads."""

    def __init__(self, options: EmulatorOptions, routes: Sequence[Route]) -> None:
        self.options = options
        self.service = EmulatorService(options)
        self.log = AccessLog(options.state / "access.jsonl")
        self._routes = routes
        self._limits: dict[tuple[str, bool], RateLimits] = {}

    async def answer(self, visit: Visit, body: bytes) -> Response | None:
        """The answer to a call; None where the connection is to be dropped without one."""
        found = find(self._routes, visit.method, visit.path)
        if found is None:
            return self._unknown(visit)
        route, values = found
        rules = self.options.faults.strike(route.name, route.operation_class, OF_CALLS)
        await asyncio.sleep(sum(self.options.faults.seconds(r) for r in rules if r.action == "delay"))
        if any(rule.action == "drop-before" for rule in rules):
            self._log(visit, route, 0)
            return None
        resource, response = self._refusal(visit, route, rules)
        refused = response is not None
        if response is None:
            response = await run_in_threadpool(self._handled, visit, body, route, values, resource)
        dropped = any(rule.action == "drop-after" for rule in rules)
        accepted = not refused and response.status_code < 300
        self._log(visit, route, 0 if dropped else response.status_code, accepted=accepted)
        return None if dropped else response

    def _unknown(self, visit: Visit) -> Response:
        self._log(visit, None, 501)
        message = _UNKNOWN.format(method=visit.method, path=visit.path)
        return answer(501, {"error": {"code": "NotImplemented", "message": message}})

    def _log(self, visit: Visit, route: Route | None, status: int, *, accepted: bool = False) -> None:
        name, kind = (route.name, route.operation_class) if route else ("unknown", "")
        access = Access(visit.method, visit.path, name, kind, status, accepted)
        self.log.write(self.service.now, access)

    def _refusal(self, visit: Visit, route: Route, rules: Sequence[FaultRule]) -> tuple[str, Response | None]:
        """The resource that is called, and why the call is not let in."""
        version = spoken(visit.path, visit.query)
        for rule in rules:
            planned = self._planned(rule, version)
            if planned is not None:
                return "", planned
        resource = auth.resource_of(visit.headers, self.options, keyless=route.keyless)
        if resource is None:
            return "", gateway_error(401, _DENIED)
        return resource, self._throttled(resource, route, version)

    def _planned(self, rule: FaultRule, version: Spoken) -> Response | None:
        if rule.action == "status":
            headers = {} if rule.retry_after is None else {"Retry-After": str(rule.retry_after)}
            error = {"code": rule.code or str(rule.status), "message": rule.message or "Planned."}
            return answer(rule.status, {"error": error}, headers)
        day = rule.on or self.service.now.date()
        if rule.action == "gone" or (rule.action == "retired" and version.retired(day)):
            return answer(410, {"error": {"code": "Gone", "message": _RETIRED}})
        return None

    def _throttled(self, resource: str, route: Route, version: Spoken) -> Response | None:
        if self.options.unlimited:
            return None
        tier = self.service.tier(version.engine)
        kept = (resource, version.engine == TEXTS)
        limits = self._limits.setdefault(kept, RateLimits(tier.per_second))
        seconds = limits.refused_for(route.operation_class)
        if seconds is None:
            return None
        texts = version.engine == TEXTS
        message = _THROTTLED.format(
            route=route.name,
            api="Language" if texts else "Form Recognizer",
            resource="TextAnalytics" if texts else "FormRecognizer",
            version=version.version,
            tier=tier.name,
            seconds=seconds,
        )
        headers = {"Retry-After": str(seconds), "policy-id": "ResourceRateLimitBy60s"}
        return gateway_error(429, message, headers)

    def _handled(
        self, visit: Visit, body: bytes, route: Route, values: Mapping[str, str], resource: str
    ) -> Response:
        """What the route says; of what it did not foresee only the kind and place are logged."""
        call = Call(resource, visit.endpoint, values, visit.query, visit.headers, body)
        begun = time.monotonic()
        try:
            response = route.handler(call, self.service)
        except FormpipeError as error:
            response = answer(500, {"error": {"code": "InternalServerError", "message": error.reason}})
        except Exception as error:
            broken = type(error).__name__
            place = place_of(error)
            log_event("call-broken", level=logging.ERROR, route=route.name, error=broken, place=place)
            response = answer(500, _BROKEN)
        response.headers["x-envoy-upstream-service-time"] = str(round(1000 * (time.monotonic() - begun)))
        return response

    # --- administration -----------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Accepted work by kind, and by kind and model, since there is this state; calls by route and status
        since this process began."""
        by_model: dict[str, dict[str, int]] = {}
        for (kind, model_id), times in self.service.store.counts().items():
            by_model.setdefault(kind, {})[model_id] = times
        return {
            "accepted": self.service.accepted,
            "by_model": by_model,
            "calls": dict(self.log.statuses),
        }

    def plan(self, body: bytes) -> Response:
        """Put a fault plan in force."""
        try:
            self.options.faults.load(read_plan(body.decode("utf-8", "replace")))
        except FormpipeError as error:
            return answer(400, {"error": {"code": error.reason, "message": str(error)}})
        return answer(204)
