"""What a service sends, as JSON that everything behind can hold: a database, a file, another service."""

from __future__ import annotations

import json
import math
import re
from typing import Any

_ODD = re.compile(
    rb"\\u(?:0000|[dD][89a-fA-F])|\xed[\xa0-\xbf]|NaN|Infinity|[0-9]{19}|[eE]\+?[0-9]{3}", re.IGNORECASE
)
"""Bytes without which nothing in a body is odd; most bodies are not looked through."""
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_LARGEST = 2**63


def read_json(body: bytes) -> Any:
    """The JSON in a body: with U+FFFD for NUL and halves of surrogate pairs, and null for what is no number
    (`NaN`, one beyond all bounds). Raises ValueError, RecursionError."""
    told = json.loads(body)
    return _held(told) if _ODD.search(body) else told


def _held(node: Any) -> Any:
    if isinstance(node, str):
        return storable(node)
    if isinstance(node, dict):
        return {storable(name): _held(child) for name, child in node.items()}
    if isinstance(node, list):
        return [_held(child) for child in node]
    if isinstance(node, float):
        return node if math.isfinite(node) else None
    if isinstance(node, int):
        return node if abs(node) < _LARGEST else None
    return node


def storable(text: str) -> str:
    """The text with U+FFFD for what a database cannot hold."""
    return _UNSTORABLE.sub("\ufffd", text)
