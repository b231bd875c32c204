"""The emulator as an ASGI application: access log, faults, authentication, limits, routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Mount
from starlette.types import Receive, Scope, Send

from pipeline.emulator import document_intelligence, feedback_loop, form_recognizer, language
from pipeline.emulator.door import Door, Visit
from pipeline.emulator.options import EmulatorOptions
from pipeline.emulator.routing import Route, answer, gateway_error

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_MOST_BYTES = 700 * 2**20
"""Of a body: the largest document of any tier, in base64."""

ROUTES: Sequence[Route] = (
    *feedback_loop.ROUTES,
    *form_recognizer.ROUTES,
    *document_intelligence.ROUTES,
    *language.ROUTES,
)


def create_app(options: EmulatorOptions) -> Starlette:
    """The application; its worker processes end with it. Raises RunError (`state-in-use`,
    `state-unusable`)."""
    door = Door(options, ROUTES)
    language.take_up(door.service)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        door.service.close()

    async def status(_: Request) -> Response:
        return answer(200, door.status())

    async def faults(request: Request) -> Response:
        return door.plan(await request.body())

    app = Starlette(
        routes=[
            Mount("/emulator/status", status, methods=["GET"]),
            Mount("/emulator/faults", faults, methods=["PUT"]),
            Mount("/{path:path}", _Endpoint(door), methods=_METHODS),
        ],
        lifespan=lifespan,
    )
    app.state.emulator = door
    return app


class _Endpoint:
    """Every other path. As an application of its own it may leave a call without an answer."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        visit = Visit.of(request)
        body = await _body(request)
        if body is None:
            await gateway_error(413, "The request body is too large.")(scope, receive, send)
            return
        response = await self._door.answer(visit, body)
        if response is None:
            await _hang_up(receive, send)
        else:
            await response(scope, receive, send)


async def _body(request: Request) -> bytes | None:
    """None where it is too large to be any document."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > _MOST_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)


async def _hang_up(receive: Receive, send: Send) -> None:
    """Close the connection without a word. The transport is uvicorn's; where there is none to be had, an
    answer is begun and never ended, which breaks the connection as well."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()
        await asyncio.sleep(0)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
