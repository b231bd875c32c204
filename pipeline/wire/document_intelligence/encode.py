"""What Document Intelligence says of models, operations and lists, from records (CONTRACTS 3.2, 3.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pipeline.remote import ServiceFault, ServiceModel
from pipeline.types import FieldSpec
from pipeline.wire.document_intelligence.versions import Version

Json = dict[str, Any]

_OUTER = {
    400: ("InvalidRequest", "Invalid request."),
    404: ("NotFound", "Resource not found."),
    409: ("Conflict", "The request could not be completed due to a conflict."),
    415: ("UnsupportedMediaType", "Request content type is not supported."),
}
_ARGUMENTS = {"InvalidContentSourceFormat", "InvalidParameter", "InvalidSasToken", "ParameterMissing"}


def stamp(time: datetime | None) -> str:
    return (time or datetime(1970, 1, 1, tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def error(status: int, fault: ServiceFault) -> Json:
    """The body of a refusal: an outer error by status, the cause inside it."""
    code, message = _OUTER.get(status, ("InvalidRequest", "Invalid request."))
    if fault.code in _ARGUMENTS:
        code, message = "InvalidArgument", "Invalid argument."
    inner = {"code": fault.code, "message": fault.message}
    body: Json = {"code": code, "message": message, "innererror": inner}
    return {"error": body | ({"target": fault.target} if fault.target else {})}


def job_error(fault: ServiceFault) -> Json:
    """The error of a failed operation: its cause is a detail."""
    details = [{"code": fault.code, "message": fault.message}]
    return {"code": "InvalidRequest", "message": "Invalid request.", "details": details}


def operation(
    version: Version,
    *,
    operation_id: str,
    kind: str,
    status: str,
    created: datetime,
    updated: datetime,
    location: str,
    result: Json | None = None,
    fault: ServiceFault | None = None,
) -> Json:
    """A build, compose or copy. List items have neither result nor error; early polls no percentage."""
    body: Json = {
        "operationId": operation_id,
        "kind": kind,
        "status": status,
        "createdDateTime": stamp(created),
        "lastUpdatedDateTime": stamp(updated),
        "resourceLocation": location,
        "apiVersion": version.name,
    }
    if status in ("succeeded", "failed"):
        body["percentCompleted"] = 100
    if result is not None and status == "succeeded":
        body["result"] = result
    if fault is not None:
        body["error"] = job_error(fault)
    return body


def model_summary(model: ServiceModel, version: Version) -> Json:
    """What a list says of a model."""
    body: Json = {"modelId": model.model_id, "createdDateTime": stamp(model.created_at)}
    if model.description:
        body["description"] = model.description
    body["apiVersion"] = model.api_version or version.name
    if version.expires and model.expires_at is not None:
        body["expirationDateTime"] = stamp(model.expires_at)
    return body


def model_details(
    model: ServiceModel, version: Version, parts: Sequence[ServiceModel], details: Mapping[str, Any]
) -> Json:
    """The whole model. A single model's document type is its own id; a composed one has its parts'."""
    body = model_summary(model, version)
    mode = str(details.get("mode") or "template")
    kinds = parts or (model,)
    body["docTypes"] = {part.model_id: _doc_type(part, mode, bool(parts), version) for part in kinds}
    if version.classifier_compose:
        body["modifiedDateTime"] = stamp(model.updated_at)
        body |= {"classifierId": details["classifier"], "split": "none"} if parts else {"buildMode": mode}
    return body


def classifier_details(model: ServiceModel, version: Version, details: Mapping[str, Any]) -> Json:
    kinds = details.get("docTypes") or {}
    return {
        "classifierId": model.model_id,
        "description": model.description,
        "createdDateTime": stamp(model.created_at),
        "expirationDateTime": stamp(model.expires_at),
        "apiVersion": model.api_version or version.name,
        "docTypes": {name: _source(source, version) for name, source in kinds.items()},
    }


def _source(source: Mapping[str, str], version: Version) -> Json:
    """Where the documents of a class were; a signature is not told."""
    body: Json = {"azureBlobSource": dict(source)}
    return body | ({"sourceKind": "azureBlob"} if version.classifier_compose else {})


def page(items: Sequence[Json], next_link: str = "") -> Json:
    """A page of a list; the last one has no link."""
    return {"value": list(items)} | ({"nextLink": next_link} if next_link else {})


def info(version: Version, count: int, limit: int, now: datetime) -> Json:
    body: Json = {"customDocumentModels": {"count": count, "limit": limit}}
    if version.neural_builds:
        body["customNeuralDocumentModelBuilds"] = {"used": 0, "quota": 20, "quotaResetDateTime": stamp(now)}
    return body


def copy_authorization(model_id: str, location: str, token: str, expires: datetime, kind: str) -> Json:
    """`kind` is `Model` or `Classifier`."""
    return {
        "targetResourceId": "/emulator/resource",
        "targetResourceRegion": "local",
        f"target{kind}Id": model_id,
        f"target{kind}Location": location,
        "accessToken": token,
        "expirationDateTime": stamp(expires),
    }


def _doc_type(model: ServiceModel, mode: str, part: bool, version: Version) -> Json:
    body: Json = {
        "buildMode": mode,
        "fieldSchema": {spec.name: {"type": _schema_type(spec)} for spec in model.fields},
        "fieldConfidence": dict(model.accuracies),
    }
    return body | ({"modelId": model.model_id} if part and version.classifier_compose else {})


def _schema_type(spec: FieldSpec) -> str:
    return "number" if spec.type == "currency" else spec.type
