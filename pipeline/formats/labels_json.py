"""Label files (`<document>.labels.json`) <-> `Label` records.

Two formats are read: v2.x, as the labelling tool and Studio write it (`label`, `value[]` with page,
text and boundingBoxes), and v1.0 of the feedback loop (`fieldKey`, `fieldValues`, `regions[]` with
pageNumber and polygon). v2.1 is written. Polygons are eight numbers, 0..1 relative to the page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pipeline.errors import DocumentError
from pipeline.types import Label, LabelRegion, Polygon

LabelsFormat = Literal["v1.0", "v2"]

SCHEMA = "https://schema.cognitiveservices.azure.com/formrecognizer/2021-03-01/labels.json"


def labels_from_json(body: bytes | str | Mapping[str, Any]) -> tuple[Label, ...]:
    """The labels of one label file, in its order.

    `body` is the file's content or the decoded object. Raises `DocumentError` (`labels-unreadable`)
    where it is neither of the two formats.
    """
    try:
        return tuple(_label(entry) for entry in _decoded(body)["labels"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _unreadable(error) from error


def labels_format(body: Mapping[str, Any]) -> LabelsFormat:
    """Which of the two formats a label file is in; v2 where it has no label."""
    return "v1.0" if any("fieldKey" in entry for entry in _decoded(body)["labels"]) else "v2"


def labels_to_json(document: str, labels: Iterable[Label]) -> dict[str, Any]:
    """The v2.1 label file of `document` (its name without folder)."""
    return {
        "$schema": SCHEMA,
        "document": document,
        "labels": [_entry(label) for label in labels],
    }


def _unreadable(error: Exception) -> DocumentError:
    return DocumentError(
        f"The label file is neither v2.x nor v1.0 ({type(error).__name__}): label the form again.",
        reason="labels-unreadable",
    )


def _decoded(body: bytes | str | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(body, bytes):
        body = body.decode("utf-8-sig")
    decoded = json.loads(body) if isinstance(body, str) else body
    if not isinstance(decoded, Mapping) or not isinstance(decoded.get("labels"), list):
        raise ValueError("no list of labels")
    return decoded


def _label(entry: Mapping[str, Any]) -> Label:
    return _label_v1(entry) if "fieldKey" in entry else _label_v2(entry)


def _label_v2(entry: Mapping[str, Any]) -> Label:
    regions = tuple(_region_v2(value) for value in entry["value"] or ())
    text = " ".join(region.text for region in regions if region.text)
    return Label(_name(entry["label"]), text, regions)


def _region_v2(value: Mapping[str, Any]) -> LabelRegion:
    boxes = value.get("boundingBoxes") or ()
    return LabelRegion(_page(value["page"]), _text(value["text"]), _polygon(boxes[0]) if boxes else None)


def _label_v1(entry: Mapping[str, Any]) -> Label:
    words = [_text(word) for word in entry.get("fieldValues") or ()]
    text = _text(entry.get("fieldValue")) or " ".join(words)
    regions = entry.get("regions") or ()
    if regions and len(regions) != len(words):
        words = [text, *[""] * (len(regions) - 1)]
    return Label(_name(entry["fieldKey"]), text, tuple(map(_region_v1, regions, words)))


def _region_v1(region: Mapping[str, Any], word: str) -> LabelRegion:
    polygon = region.get("polygon")
    return LabelRegion(_page(region["pageNumber"]), word, _polygon(polygon) if polygon else None)


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a label without a field name")
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError("a label text that is not a string")
    return value


def _page(value: Any) -> int:
    page = int(value)
    if page < 1:
        raise ValueError("pages count from 1")
    return page


def _polygon(numbers: Sequence[float]) -> Polygon:
    x1, y1, x2, y2, x3, y3, x4, y4 = (float(number) for number in numbers)
    return (x1, y1, x2, y2, x3, y3, x4, y4)


def _entry(label: Label) -> dict[str, Any]:
    return {"label": label.field, "key": None, "value": _values(label)}


def _values(label: Label) -> list[dict[str, Any]]:
    if label.text and not label.regions:
        return [{"page": 1, "text": label.text, "boundingBoxes": []}]
    return [
        {
            "page": region.page,
            "text": region.text,
            "boundingBoxes": [list(region.polygon)] if region.polygon else [],
        }
        for region in label.regions
    ]
