"""The emulator as an ASGI application: access log, faults, authentication, limits, routes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Mount
from starlette.types import Receive, Scope, Send

from pipeline.emulator import (
    document_intelligence,
    feedback_loop,
    form_recognizer,
)
from pipeline.emulator.access import AccessLog
from pipeline.emulator.faults import OF_CALLS, FaultRule, read_plan
from pipeline.emulator.limits import RateLimits
from pipeline.emulator.options import EmulatorOptions
from pipeline.emulator.routing import Call, Route, answer, find, gateway_error
from pipeline.emulator.service import EmulatorService
from pipeline.errors import FormpipeError
from pipeline.rest.credentials import KEY_HEADER

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_DENIED = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key "
    "for an active subscription and use a correct regional API endpoint for your resource."
)
_UNKNOWN = "The emulator does not speak {method} {path}: see docs/emulator.md for what it speaks."
_RETIRED = "The requested API version has been retired."

ROUTES: Sequence[Route] = (
    *feedback_loop.ROUTES,
    *form_recognizer.ROUTES,
    *document_intelligence.ROUTES,
)


@dataclass(slots=True)
class _Reply:
    response: Response
    route: str = "unknown"
    operation_class: str = ""
    drop: bool = False


class Emulator:
    """Everything behind the application."""

    def __init__(self, options: EmulatorOptions) -> None:
        self.options = options
        self.service = EmulatorService(options)
        self.log = AccessLog(options.state / "access.jsonl")
        self._limits: dict[str, RateLimits] = {}

    def reply(self, request: Request, body: bytes) -> _Reply:
        """Answer one call; runs in a thread."""
        path = request.url.path
        found = find(ROUTES, request.method, path)
        if found is None:
            message = _UNKNOWN.format(method=request.method, path=path)
            return _Reply(answer(501, {"error": {"code": "NotImplemented", "message": message}}))
        route, values = found
        reply = _Reply(Response(), route.name, route.operation_class)
        rules = self.options.faults.strike(route.name, route.operation_class, OF_CALLS)
        self._delay(rules)
        reply.drop = any(rule.action.startswith("drop") for rule in rules)
        if any(rule.action == "drop-before" for rule in rules):
            return reply
        reply.response = self._refusal(request, route, rules) or self._handled(request, body, route, values)
        return reply

    def _delay(self, rules: Sequence[FaultRule]) -> None:
        for rule in rules:
            if rule.action == "delay":
                time.sleep(self.options.faults.seconds(rule))

    def _refusal(self, request: Request, route: Route, rules: Sequence[FaultRule]) -> Response | None:
        for rule in rules:
            if rule.action == "status":
                headers = {} if rule.retry_after is None else {"Retry-After": str(rule.retry_after)}
                error = {"code": rule.code or str(rule.status), "message": rule.message or "Planned."}
                return answer(rule.status, {"error": error}, headers)
            if rule.action == "gone":
                return answer(410, {"error": {"code": "Gone", "message": _RETIRED}})
        resource = self._resource(request, route)
        if resource is None:
            return gateway_error(401, _DENIED)
        return self._throttled(resource, route)

    def _throttled(self, resource: str, route: Route) -> Response | None:
        if self.options.unlimited:
            return None
        tier = self.service.tier("form-recognizer")
        limits = self._limits.setdefault(resource, RateLimits(tier.per_second))
        seconds = limits.refused_for(route.operation_class)
        if seconds is None:
            return None
        message = (
            f"Requests to the {route.name} Operation under Form Recognizer API have exceeded rate limit of "
            f"your current FormRecognizer {tier.name} pricing tier. Please retry after {seconds} seconds. "
            "Please contact Azure support service if you would like to further increase the default rate "
            "limit."
        )
        return gateway_error(
            429, message, {"Retry-After": str(seconds), "policy-id": "ResourceRateLimitBy60s"}
        )

    def _resource(self, request: Request, route: Route) -> str | None:
        key = request.headers.get(KEY_HEADER)
        if key is not None:
            return self.options.resource_of(key)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if route.keyless and not scheme:
            return "resource-1"
        return "resource-1" if scheme.lower() == "bearer" and token else None

    def _handled(self, request: Request, body: bytes, route: Route, values: dict[str, str]) -> Response:
        resource = self._resource(request, route)
        assert resource is not None
        call = Call(
            resource=resource,
            endpoint=f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}",
            path=values,
            query=dict(request.query_params),
            headers=dict(request.headers),
            body=body,
        )
        try:
            return route.handler(call, self.service)
        except FormpipeError as error:
            body_of_error = {"error": {"code": "InternalServerError", "message": error.reason}}
            return answer(500, body_of_error)

    # --- administration -----------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Counts of accepted operations by kind, and of calls by route and status."""
        return {"accepted": dict(self.service.accepted), "calls": dict(self.log.statuses)}

    def plan(self, body: bytes) -> Response:
        try:
            self.options.faults.load(read_plan(body.decode("utf-8", "replace")))
        except FormpipeError as error:
            return answer(400, {"error": {"code": error.reason, "message": str(error)}})
        return answer(204)


def create_app(options: EmulatorOptions) -> Starlette:
    """The application; its worker processes end with it."""
    emulator = Emulator(options)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        emulator.service.close()

    async def status(_: Request) -> Response:
        return answer(200, emulator.status())

    async def faults(request: Request) -> Response:
        return emulator.plan(await request.body())

    app = Starlette(
        routes=[
            Mount("/emulator/status", status, methods=["GET"]),
            Mount("/emulator/faults", faults, methods=["PUT"]),
            Mount("/{path:path}", _Endpoint(emulator), methods=_METHODS),
        ],
        lifespan=lifespan,
    )
    app.state.emulator = emulator
    return app


class _Endpoint:
    """Every other path. As an application of its own it may leave a call without an answer."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        reply = await run_in_threadpool(self._emulator.reply, request, body)
        status = 0 if reply.drop else reply.response.status_code
        path = request.url.path
        self._emulator.log.write(
            self._emulator.service.now, request.method, path, reply.route, reply.operation_class, status
        )
        if reply.drop:
            await _hang_up(receive, send)
        else:
            await reply.response(scope, receive, send)


async def _hang_up(receive: Receive, send: Send) -> None:
    """Close the connection without a word. The transport is uvicorn's; where there is none to be had, an
    answer is begun and never ended, which breaks the connection as well."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()
        await asyncio.sleep(0)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
