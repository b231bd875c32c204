"""What Document Intelligence says of models, classifiers, operations, lists and the resource, from records
(CONTRACTS 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from pipeline.remote import ServiceFault, ServiceModel
from pipeline.types import FieldSpec
from pipeline.wire.document_intelligence.encode_faults import failure
from pipeline.wire.document_intelligence.versions import Version

Json = dict[str, Any]
Status = Literal["notStarted", "running", "succeeded", "failed"]
_SEPARATOR = "/"

NEURAL_BUILDS = 20
"""How many neural models can be built in a month (3.x, S0; CONTRACTS 3.5)."""


@dataclass(frozen=True, slots=True)
class DocumentType:
    """A kind of document that a model knows. `model_id`: the model behind it, and `options` what was told of
    it beside, in a composed model of 4.0."""

    name: str
    fields: tuple[FieldSpec, ...] = ()
    accuracies: tuple[tuple[str, float], ...] = ()
    mode: str = "template"
    description: str = ""
    model_id: str = ""
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelNotes:
    """What is told of a model beside itself; all but the tags since 4.0. `source` is where its training set
    lies, without a signature."""

    tags: Mapping[str, str] = field(default_factory=dict)
    mode: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    classifier: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class OperationFacts:
    """A build, compose or copy. `location` is the URL of what it makes."""

    operation_id: str
    kind: str
    status: Status
    created: datetime
    updated: datetime
    location: str
    tags: Mapping[str, str] = field(default_factory=dict)


UNNOTED = ModelNotes()


def stamp(time: datetime | None) -> str:
    """Whole seconds; a model that says no time is as old as time."""
    return (time or datetime(1970, 1, 1, tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- operations -------------------------------------------------------------------------------------


def operation(
    facts: OperationFacts,
    version: Version,
    *,
    result: Json | None = None,
    fault: ServiceFault | None = None,
) -> Json:
    """Items of a list have neither result nor error; early polls no percentage, failed ones 100."""
    body = {
        "operationId": facts.operation_id,
        "kind": facts.kind,
        "status": facts.status,
        "createdDateTime": stamp(facts.created),
        "lastUpdatedDateTime": stamp(facts.updated),
        "resourceLocation": facts.location,
    }
    more: Json = {
        "apiVersion": version.name if version.expires else None,
        "percentCompleted": 100 if facts.status in ("succeeded", "failed") else None,
        "tags": dict(facts.tags) or None,
        "result": result if facts.status == "succeeded" else None,
        "error": failure(fault) if fault and facts.status == "failed" else None,
    }
    return body | {name: value for name, value in more.items() if value is not None}


# --- models -----------------------------------------------------------------------------------------


def model_summary(model: ServiceModel, version: Version, notes: ModelNotes = UNNOTED) -> Json:
    """What a list says of a model. Models of older API families have no end of life here."""
    ends = version.expires and model.expires_at is not None
    changed = version.model_extras and model.updated_at is not None
    more: Json = {
        "description": model.description or None,
        "expirationDateTime": stamp(model.expires_at) if ends else None,
        "modifiedDateTime": stamp(model.updated_at) if changed else None,
        "tags": dict(notes.tags) or None,
    }
    body = {
        "modelId": model.model_id,
        "createdDateTime": stamp(model.created_at),
        "apiVersion": model.api_version or version.name,
    }
    return body | {name: value for name, value in more.items() if value is not None}


def model_details(
    model: ServiceModel, version: Version, types: Sequence[DocumentType], notes: ModelNotes = UNNOTED
) -> Json:
    """The whole model. A single model's document type has its own id; a copy's that of what was copied."""
    body = model_summary(model, version, notes)
    body["docTypes"] = {kind.name: _document_type(kind, version) for kind in types}
    if not version.model_extras:
        return body
    more: Json = {
        "buildMode": notes.mode or None,
        "azureBlobSource": dict(notes.source) or None,
        "classifierId": notes.classifier or None,
        "split": notes.split or None,
    }
    return body | {name: value for name, value in more.items() if value is not None}


def classifier_details(
    model: ServiceModel, version: Version, sources: Mapping[str, Mapping[str, Any]], base: str = ""
) -> Json:
    """`sources`: by class, where its documents were, as `azureBlobSource` or `azureBlobFileListSource`."""
    body: Json = {"classifierId": model.model_id}
    if model.description:
        body["description"] = model.description
    body |= {"createdDateTime": stamp(model.created_at), "expirationDateTime": stamp(model.expires_at)}
    if version.model_extras:
        body["modifiedDateTime"] = stamp(model.updated_at)
    body["apiVersion"] = model.api_version or version.name
    if base:
        body["baseClassifierId"] = base
    body["docTypes"] = {name: _source(source, version) for name, source in sources.items()}
    return body


def _source(source: Mapping[str, Any], version: Version) -> Json:
    kind = "azureBlobFileList" if "azureBlobFileListSource" in source else "azureBlob"
    return ({"sourceKind": kind} if version.model_extras else {}) | dict(source)


def _document_type(kind: DocumentType, version: Version) -> Json:
    body: Json = {"description": kind.description} if kind.description else {}
    body |= {"fieldSchema": _schema(kind.fields), "buildMode": kind.mode}
    body["fieldConfidence"] = _confidences(kind.accuracies, kind.fields)
    if version.classifier_compose and kind.model_id:
        body |= {"modelId": kind.model_id} | kind.options
    return body


# --- fields of a model ------------------------------------------------------------------------------


def _schema(fields: Sequence[FieldSpec]) -> Json:
    """`items/Price` is column `Price` of the table `items`; longer names are members of objects."""
    schema: Json = {}
    for spec in fields:
        root, *path = spec.name.split(_SEPARATOR)
        if not path:
            schema[root] = {"type": wire_type(spec)}
        else:
            empty = {"type": "array", "items": _object()} if len(path) == 1 else _object()
            _member(schema.setdefault(root, empty), path, spec)
    return schema


def _object() -> Json:
    return {"type": "object", "properties": {}}


def _rows(schema: Json) -> Json:
    """The members of a table's rows, or of an object."""
    members: Json = (schema.get("items") or schema)["properties"]
    return members


def _member(schema: Json, path: Sequence[str], spec: FieldSpec) -> None:
    node = schema
    for name in path[:-1]:
        node = _rows(node).setdefault(name, _object())
    _rows(node)[path[-1]] = {"type": wire_type(spec)}


def wire_type(spec: FieldSpec) -> str:
    """Custom models know no currencies."""
    return "number" if spec.type == "currency" else spec.type


def _confidences(accuracies: Sequence[tuple[str, float]], fields: Sequence[FieldSpec]) -> Json:
    """Columns are told as `items: Price`, beside the table itself, which is as sure as its columns are on
    the whole."""
    tables = {spec.name for spec in fields if _SEPARATOR in spec.name}
    found: dict[str, float] = {}
    columns: dict[str, list[float]] = {}
    for name, value in accuracies:
        if name in tables:
            columns.setdefault(name.partition(_SEPARATOR)[0], []).append(value)
        found[name.replace(_SEPARATOR, ": ") if name in tables else name] = value
    means = {name: round(sum(values) / len(values), 6) for name, values in columns.items()}
    return dict(sorted((means | found).items()))


# --- lists, the resource, copies --------------------------------------------------------------------


def page(items: Sequence[Json], next_link: str = "") -> Json:
    """A page of a list; the last one has no link."""
    return {"value": list(items)} | ({"nextLink": next_link} if next_link else {})


def info(version: Version, count: int, limit: int, builds: int, now: datetime) -> Json:
    """`builds`: neural ones of this month."""
    body: Json = {"customDocumentModels": {"count": count, "limit": limit}}
    if version.neural_builds:
        months = now.year * 12 + now.month
        reset = datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)
        told = {"used": builds, "quota": NEURAL_BUILDS, "quotaResetDateTime": stamp(reset)}
        body["customNeuralDocumentModelBuilds"] = told
    return body


def copy_authorization(
    kind: Literal["Model", "Classifier"], model_id: str, location: str, token: str, expires: datetime
) -> Json:
    """Leave to copy a model or a classifier here."""
    resource = "/subscriptions/emulator/resourceGroups/emulator/providers/Microsoft.CognitiveServices"
    return {
        "targetResourceId": f"{resource}/accounts/emulator",
        "targetResourceRegion": "local",
        f"target{kind}Id": model_id,
        f"target{kind}Location": location,
        "accessToken": token,
        "expirationDateTime": stamp(expires),
    }
