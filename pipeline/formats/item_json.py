"""A document as further sinks keep it: its key, its JSON, its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

from pipeline.types import SinkItem

_DIGITS_OF_A_DOUBLE = 15
"""So many decimal digits come through a double unchanged (IEEE 754, DBL_DIG)."""
_EXACT_INTEGERS = 2**53


def item_id(form_type: str, path_hash: str, content_hash: str | None) -> str:
    """64 hex digits of the form type, the blob's place and its content. They begin with two of the content,
    so that the partition can be told from the id alone."""
    content = content_hash or path_hash
    whole = hashlib.sha256(f"{form_type}\0{path_hash}\0{content}".encode()).hexdigest()
    return content[:2] + whole[2:]


def partition_key(form_type: str, item: str) -> str:
    """The logical partition of an item by its id: 256 for each form type, for one holds 20 GB (Azure Cosmos
    DB service quotas, "maximum storage across all items per (logical) partition")."""
    return f"{form_type}-{item[:2]}"


def json_number(number: Decimal) -> int | float | str:
    """A JSON number where every reader gets the same decimal back, else its digits as text."""
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    significant = text.lstrip("-").replace(".", "").strip("0")
    if "." not in text and abs(int(text)) < _EXACT_INTEGERS:
        return int(text)
    return float(text) if len(significant) <= _DIGITS_OF_A_DOUBLE else text


def item_to_json(item: SinkItem) -> dict[str, Any]:
    """The item as it is stored; `parts` only where there are some."""
    body = {each.name: getattr(item, each.name) for each in fields(item)}
    if not item.parts:
        del body["parts"]
    return body


def sealed(item: SinkItem) -> SinkItem:
    """The item with the digest of everything else in it."""
    body = {name: value for name, value in item_to_json(item).items() if name != "digest"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return replace(item, digest=hashlib.sha256(text.encode()).hexdigest())


def json_bytes(body: Mapping[str, Any]) -> bytes:
    """Compact UTF-8 without a line break. Half a surrogate pair, which UTF-8 has no bytes for, is escaped."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", errors="backslashreplace")
