"""Form Recognizer v2.0 to v2.1: the routes of CONTRACTS 2.2."""

from __future__ import annotations

import functools
from collections.abc import Callable

from starlette.responses import Response

from pipeline.emulator import form_recognizer_documents as documents
from pipeline.emulator import form_recognizer_models as models
from pipeline.emulator.routing import Call, Handler, Route, answer
from pipeline.emulator.service import EmulatorService
from pipeline.rest.limits import OperationClass
from pipeline.wire.form_recognizer import encode
from pipeline.wire.form_recognizer.server_requests import BadRequestError
from pipeline.wire.form_recognizer.versions import VERSIONS, Version

Versioned = Callable[[Version, Call, EmulatorService], Response]


def answered(handler: Versioned, version: Version) -> Handler:
    """The handler of one version; what it refuses is told in the service's words."""

    @functools.wraps(handler)
    def handle(call: Call, service: EmulatorService) -> Response:
        try:
            return handler(version, call, service)
        except BadRequestError as error:
            return answer(error.status, encode.error(error.fault))

    return handle


def _routes(version: Version) -> list[Route]:
    base, every = version.base, version.models
    one = f"{every}/{{model}}"

    def route(name: str, method: str, path: str, kind: OperationClass, handler: Versioned) -> Route:
        return Route(name, method, path, kind, answered(handler, version))

    read_result = documents.read_result
    composing = [route("compose", "POST", f"{every}/compose", "manage", models.compose)]
    return [
        *(composing if version.model_names else ()),
        route("layout", "POST", f"{base}/layout/analyze", "analyze", documents.layout),
        route("layout-result", "GET", f"{base}/layout/analyzeResults/{{job}}", "get", read_result),
        route("train", "POST", every, "manage", models.train),
        route("list", "GET", every, "list", models.list_models),
        route("authorize-copy", "POST", f"{every}/copyAuthorization", "manage", models.authorize_copy),
        route("get-model", "GET", one, "manage", models.get_model),
        route("delete-model", "DELETE", one, "manage", models.delete_model),
        route("analyze", "POST", f"{one}/analyze", "analyze", documents.analyze),
        route("analyze-result", "GET", f"{one}/analyzeResults/{{job}}", "get", read_result),
        route("copy", "POST", f"{one}/copy", "manage", models.copy),
        route("copy-result", "GET", f"{one}/copyResults/{{job}}", "get", models.copy_result),
    ]


ROUTES: list[Route] = [route for version in VERSIONS.values() for route in _routes(version)]
