"""Whether the models of azure-mgmt-datafactory know a document of Data Factory to the last property.

Version 9 of the SDK: its models name the type of every part, put what they do not know into
`additional_properties` or leave it out, and know what is required. Version 10.0 cannot be asked: it takes
whatever it is given, and sends an activity under the name of its base.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from azure.mgmt.datafactory import models

KINDS: dict[str, Any] = {
    "pipeline": models.PipelineResource,
    "linkedService": models.LinkedServiceResource,
    "dataset": models.DatasetResource,
    "trigger": models.TriggerResource,
}
"""By the folder in which Data Factory keeps them in Git."""


def faults(kind: str, document: dict[str, Any]) -> list[str]:
    """What is wrong with a document: properties nobody knows, ones that are lost on the way, missing ones."""
    found, name = KINDS[kind].deserialize(document), document["name"]
    lost = _differences(document, found.serialize(keep_readonly=True), name)
    return [*_unknown(found, name), *_missing(found, name), *lost]


def parts(kind: str, document: dict[str, Any]) -> list[Any]:
    """Every part of a document that has a model, outermost first."""
    return [part for _, part in _walk(KINDS[kind].deserialize(document), "")]


def _unknown(root: Any, where: str) -> Iterator[str]:
    """Left-over properties, and parts whose `type` is that of no model."""
    for place, part in _walk(root, where):
        for key in getattr(part, "additional_properties", None) or {}:
            yield f"{place}: {type(part).__name__} has no property {key}"
        if type(part) in (models.Activity, models.ControlActivity, models.ExecutionActivity):
            yield f"{place}: no activity has this type"
        if type(part) in (models.LinkedService, models.Dataset, models.Trigger, models.CopySource):
            yield f"{place}: no {type(part).__name__} has this type"


def _missing(root: Any, where: str) -> Iterator[str]:
    for place, part in _walk(root, where):
        for name, rules in part._validation.items():
            if rules.get("required") and getattr(part, name) is None:
                yield f"{place}: {type(part).__name__} requires {name}"


def _walk(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _walk(each, f"{where}[{number}]")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _walk(each, f"{where}.{key}")
    elif hasattr(value, "_attribute_map"):
        yield where, value
        for name in value._attribute_map:
            yield from _walk(getattr(value, name), f"{where}.{name}")


def _differences(sent: Any, back: Any, where: str) -> Iterator[str]:
    if isinstance(sent, dict) and isinstance(back, dict):
        for key in sorted(sent.keys() | back.keys()):
            if key not in back:
                yield f"{where}.{key}: lost on the way"
            elif key not in sent:
                yield f"{where}.{key}: added on the way"
            else:
                yield from _differences(sent[key], back[key], f"{where}.{key}")
    elif isinstance(sent, list) and isinstance(back, list) and len(sent) == len(back):
        for number, (mine, theirs) in enumerate(zip(sent, back, strict=True)):
            yield from _differences(mine, theirs, f"{where}[{number}]")
    elif sent != back or type(sent) is not type(back):
        yield f"{where}: {sent!r} comes back as {back!r}"
