"""Form Recognizer v2.0 to v2.1: models, lists of them, and copies between resources (CONTRACTS 2.2-2.4)."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from pydantic import TypeAdapter
from starlette.responses import Response

from pipeline.emulator.routing import Call, answer
from pipeline.emulator.service import EmulatorService, Training
from pipeline.emulator.store import StoredJob, StoredModel
from pipeline.remote import ServiceFault, ServiceModel
from pipeline.wire.form_recognizer import encode
from pipeline.wire.form_recognizer.server_requests import (
    BadRequestError,
    read_copy,
    read_model_ids,
    read_training,
)
from pipeline.wire.form_recognizer.versions import Version

FAMILY = "v2"
_PAGE = 5
_ERROR_CODE = "ms-azure-ai-errorcode"
_NOT_COMPOSABLE = "Specified model not found or not ready or has incompatible API version, Model Id: "
_FORGOTTEN = ServiceFault("1023", "The operation was not found, or its result expired.")
_PARTS: TypeAdapter[tuple[ServiceModel, ...]] = TypeAdapter(tuple[ServiceModel, ...])


def stored_model(call: Call, service: EmulatorService) -> StoredModel:
    """The model in the path. Raises BadRequestError (404)."""
    model_id = call.path["model"]
    stored = service.store.model(call.resource, model_id)
    if stored is None or stored.family != FAMILY:
        raise BadRequestError(ServiceFault("1022", f"Model with 'id={model_id}' not found."), 404)
    return stored


def stored_job(call: Call, service: EmulatorService, *kinds: str) -> StoredJob:
    """The operation in the path, which must be one of the model in the path. Raises BadRequestError (404)."""
    job = service.job(call.resource, call.path["job"], *kinds)  # type: ignore[arg-type]
    of_model = call.path.get("model")
    if job is None or job.family != FAMILY or (of_model and of_model.lower() != job.model_id):
        raise BadRequestError(_FORGOTTEN, 404)
    return job


def accept_training(version: Version, call: Call, service: EmulatorService) -> str:
    """Begin a training; the id of its model. Raises BadRequestError."""
    request = read_training(call.json())
    if not version.model_names:
        request = replace(request, name="")
    model_id = str(uuid.uuid4())
    service.start_training(Training(call.resource, model_id, request, FAMILY, version.name))
    return model_id


def train(version: Version, call: Call, service: EmulatorService) -> Response:
    model_id = accept_training(version, call, service)
    return answer(201, None, {"Location": f"{call.endpoint}{version.models}/{model_id}"})


def get_model(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = stored_model(call, service)
    keys = call.query.get("includeKeys", "false").lower() == "true"
    return answer(200, model_body(stored, version, keys=keys), error_code(stored.model.faults))


def model_body(stored: StoredModel, version: Version, *, keys: bool) -> encode.Json:
    shape = cast(encode.Shape, stored.shape)
    return encode.model(stored.model, shape, version, keys=keys, parts=parts_of(stored))


def error_code(faults: Sequence[ServiceFault]) -> dict[str, str]:
    """What went wrong in an operation is told in a header, too."""
    return {_ERROR_CODE: faults[0].code} if faults else {}


def delete_model(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = stored_model(call, service)
    service.store.delete_model(call.resource, stored.model.model_id)
    return answer(204)


# --- lists ----------------------------------------------------------------------------------------


def list_models(version: Version, call: Call, service: EmulatorService) -> Response:
    """Pages are of differing length, now and then empty, as the service's are."""
    stored = [each for each in service.store.models(call.resource) if each.family == FAMILY]
    if call.query.get("op") == "summary":
        limit = service.tier("form-recognizer").models
        return answer(200, encode.summary(len(stored), limit, service.now))
    page = _page_number(call.query)
    first = _position(page)
    infos = [
        encode.model_info(each.model, cast(encode.Shape, each.shape), version)
        for each in stored[first : _position(page + 1)]
    ]
    more = _position(page + 1) < len(stored)
    link = f"{call.endpoint}{version.models}?nextLink={_token(page + 1)}" if more else ""
    return answer(200, encode.models_page(infos, link))


def _position(page: int) -> int:
    """Where a page begins; every third is empty."""
    return _PAGE * (page - page // 3)


def _token(page: int) -> str:
    """Opaque to clients, with the `!` and `-` that the service's tokens have."""
    told = base64.urlsafe_b64encode(f"models/{page}".encode()).decode().rstrip("=")
    return f"2!{len(told)}!{told}-"


def _page_number(query: Mapping[str, str]) -> int:
    """Raises BadRequestError."""
    link = query.get("nextLink")
    if link is None:
        return 0
    told = link.rpartition("!")[2].rstrip("-")
    try:
        name, _, page = base64.urlsafe_b64decode(told + "=" * (-len(told) % 4)).decode().partition("/")
        if name != "models":
            raise ValueError(name)
        return int(page)
    except (binascii.Error, ValueError):
        raise BadRequestError(ServiceFault("InvalidArgument", "The nextLink is invalid.")) from None


# --- composed models ------------------------------------------------------------------------------


def compose(version: Version, call: Call, service: EmulatorService) -> Response:
    ids, name = read_model_ids(call.json())
    models = [_composable(call, service, model_id) for model_id in ids]
    if len(models) > service.tier("form-recognizer").compose:
        raise BadRequestError(ServiceFault("1008", "Too many models to compose."))
    named = ServiceModel(str(uuid.uuid4()), name=name, api_version=version.name)
    parts = tuple(part for each in models for part in (parts_of(each) or (each.model,)))
    details = {"parts": _PARTS.dump_python(parts, mode="json")}
    service.compose(call.resource, FAMILY, named, models, details)
    return answer(201, None, {"Location": f"{call.endpoint}{version.models}/{named.model_id}"})


def _composable(call: Call, service: EmulatorService, model_id: str) -> StoredModel:
    stored = service.store.model(call.resource, model_id)
    if (
        stored is None
        or stored.family != FAMILY
        or stored.model.state != "ready"
        or stored.shape not in ("labelled", "composed")
    ):
        raise BadRequestError(ServiceFault("1001", f"{_NOT_COMPOSABLE}{model_id}"))
    return stored


def parts_of(stored: StoredModel) -> tuple[ServiceModel, ...]:
    """The models a composed one is made of, as they were then: it outlives them."""
    told: Any = stored.details.get("parts", ())
    return _PARTS.validate_python(told)


# --- copies ---------------------------------------------------------------------------------------


def authorize_copy(version: Version, call: Call, service: EmulatorService) -> Response:
    model_id = str(uuid.uuid4())
    token = service.authorize_copy(call.resource, FAMILY, model_id, version.name)
    body = encode.copy_authorization(model_id, token, service.now + timedelta(hours=24))
    return answer(201, body, {"Location": f"{call.endpoint}{version.models}/{model_id}"})


def copy(version: Version, call: Call, service: EmulatorService) -> Response:
    stored = stored_model(call, service)
    if stored.model.state != "ready":
        raise BadRequestError(ServiceFault("1001", f"{_NOT_COMPOSABLE}{stored.model.model_id}"))
    job = service.copy(stored, read_copy(call.json()))
    where = f"{call.endpoint}{version.models}/{stored.model.model_id}/copyresults/{job.id}"
    return answer(202, None, {"Operation-Location": where})


def copy_result(version: Version, call: Call, service: EmulatorService) -> Response:
    job = stored_job(call, service, "copy")
    target = str(job.details.get("target", ""))
    body = encode.copy_state(job.state, job.created, job.updated, target, job.fault, request_id=job.id)
    return answer(200, body, error_code((job.fault,) if job.fault else ()))
