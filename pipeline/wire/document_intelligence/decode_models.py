"""Models, classifiers and listed operations as Document Intelligence describes them (CONTRACTS 3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast, get_args

from pipeline.remote import OperationEnd, ServiceModel, ServiceOperation
from pipeline.types import FieldSpec, FieldType
from pipeline.wire.document_intelligence.decode_faults import faults
from pipeline.wire.stamps import stamp

Json = Mapping[str, Any]

_ENDS: Mapping[str, OperationEnd] = {
    "succeeded": "succeeded",
    "completed": "succeeded",
    "failed": "failed",
    "canceled": "failed",
    "cancelled": "failed",
    "skipped": "failed",
}
_TYPES = frozenset(get_args(FieldType))


def end_of(body: Json) -> OperationEnd:
    """What is no known end means that the work still goes on."""
    return _ENDS.get(str(body.get("status") or "").lower(), "running")


def read_model(body: Json) -> ServiceModel:
    """A model or classifier as it is described, got or listed: only what is ready is."""
    types = {str(name): kind or {} for name, kind in (body.get("docTypes") or {}).items()}
    own = str(body.get("modelId") or body.get("classifierId") or "")
    components = _components(types, own) if body.get("modelId") else ()
    accuracies = _accuracies(types.values())
    return ServiceModel(
        model_id=own,
        description=str(body.get("description") or ""),
        api_version=str(body.get("apiVersion") or ""),
        created_at=stamp(body.get("createdDateTime")),
        updated_at=stamp(body.get("modifiedDateTime") or body.get("createdDateTime")),
        expires_at=stamp(body.get("expirationDateTime")),
        composed=bool(components) or bool(body.get("modelId") and body.get("classifierId")),
        components=components,
        fields=_fields(types.values()),
        accuracies=tuple(accuracies.items()),
        average_accuracy=sum(accuracies.values()) / len(accuracies) if accuracies else None,
        faults=faults(body.get("warnings")),
    )


def read_operation(item: Json) -> ServiceOperation:
    """An operation as it is listed; lists leave results and errors out."""
    percent = item.get("percentCompleted")
    return ServiceOperation(
        operation_id=str(item["operationId"]),
        kind=str(item.get("kind") or ""),
        end=end_of(item),
        model_id=str(item.get("resourceLocation") or "").partition("?")[0].rpartition("/")[2],
        created_at=stamp(item.get("createdDateTime")),
        percent=None if percent is None else int(percent),
    )


def _components(types: Mapping[str, Json], own: str) -> tuple[str, ...]:
    """In 4.0 a document type names its model; before, those of a composed model are its models' ids."""
    named = [str(kind["modelId"]) for kind in types.values() if kind.get("modelId")]
    listed = [name.rpartition(":")[2] for name in types] if len(types) > 1 else []
    return tuple(dict.fromkeys(part for part in named or listed if part != own))


# --- fields -----------------------------------------------------------------------------------------


def _fields(types: Iterable[Json]) -> tuple[FieldSpec, ...]:
    """The fields of all document types, each once; a column of a table is `table/column`."""
    specs: dict[str, FieldSpec] = {}
    for kind in types:
        for name, schema in (kind.get("fieldSchema") or {}).items():
            for spec in _specs(str(name), schema or {}):
                specs.setdefault(spec.name, spec)
    return tuple(specs.values())


def _specs(name: str, schema: Json) -> Iterator[FieldSpec]:
    if schema.get("type") == "array" and schema.get("items"):
        yield from _specs(name, schema["items"])
    elif members := schema.get("properties"):
        for member, inner in members.items():
            yield from _specs(f"{name}/{member}", inner or {})
    elif (told := str(schema.get("type") or "string")) not in ("array", "object"):
        yield FieldSpec(name, cast(FieldType, told if told in _TYPES else "string"))


def _accuracies(types: Iterable[Json]) -> dict[str, float]:
    """By field; a field of several components has the lowest."""
    lowest: dict[str, float] = {}
    for kind in types:
        schema = kind.get("fieldSchema") or {}
        for told, value in (kind.get("fieldConfidence") or {}).items():
            if value is not None:
                name = _named(str(told), schema)
                lowest[name] = min(lowest.get(name, 1.0), float(value))
    return lowest


def _named(told: str, schema: Json) -> str:
    """`table: Item` is a column of a table where the schema has that table; else it is a name."""
    parts = told.split(": ")
    for cut in range(1, len(parts)):
        inner = _members(schema.get(": ".join(parts[:cut])))
        if inner:
            return f"{': '.join(parts[:cut])}/{_named(': '.join(parts[cut:]), inner)}"
    return told


def _members(schema: Json | None) -> Json:
    if not schema:
        return {}
    return cast(Json, schema.get("properties") or _members(schema.get("items")))
