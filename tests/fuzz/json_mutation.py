"""JSON that is wrong in one to three ways: in its tree, in its text, or in its bytes."""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

Place = tuple[Any, Any]
"""A container and a key or index in it."""

_STRINGS = (
    "", " ", "\x00", "a\x00b", "\ud800", "\udfff tail", "\x1b[2J\x1b]0;title\x07", "\u202etxt", "é" * 3000,
    "'; DROP TABLE document;--", "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}",
    "=HYPERLINK(\"http://x\",\"y\")", "NaN", "1e999", "0x10", "١٢٣", "²", "-" * 200_000, "9" * 5000,
    "https://elsewhere.example/steal", "../../../etc/passwd", "%00", "\r\nX-Injected: 1", "selected",
    "9999-12-31", "0000-00-00", "24:61:61", "succeeded", "failed", "running", "#/readResults/9/lines/9",
)  # fmt: skip
_NUMBERS = (
    0, -1, 1, 2, 10**30, -(10**30), 2**31, 2**63, 2**64, 1e308, -1e308, 1e-320, 0.1 + 0.2, float("nan"),
    float("inf"), float("-inf"), 10**400,
)  # fmt: skip
_KEYS = ("", "__proto__", "a" * 5000, "\x00", "\ud800", "'; DROP TABLE x;--", "<b>", "=1+1", "../x", "status")
_NESTED = 20_000
"""Deeper than what is put together of several deep faults."""
_PAGE = b"<!DOCTYPE html><html><body><h1>Sign in</h1><script>alert(1)</script></body></html>"


def mutated(body: bytes, random: Random) -> tuple[bytes, str]:
    """The body with one to three faults, and what they are."""
    sys.setrecursionlimit(_NESTED)
    tree, told = json.loads(body), []
    for _ in range(random.choice((1, 1, 2, 3))):
        step = random.choice(_OF_THE_TREE)
        tree, said = step(tree, random)
        told.append(said)
    text = json.dumps(tree)
    if random.random() < 0.35:
        content, said = random.choice(_OF_THE_TEXT)(text, random)
        told.append(said)
        return content, ", ".join(told)
    return text.encode(), ", ".join(told)


# --- the tree -----------------------------------------------------------------------------------------


def _places(tree: Any) -> Iterator[Place]:
    pending = [tree]
    while pending:
        node = pending.pop()
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, child in items:
            yield node, key
            pending.append(child)


def _somewhere(tree: Any, random: Random) -> Place | None:
    """Any place; those near the root as often as the many at the leaves."""
    if random.random() < 0.4:
        near = [(node, key) for node, key in _places(tree) if isinstance(node[key], dict | list)]
        return random.choice(near[:40]) if near else None
    places = list(_places(tree))
    return random.choice(places) if places else None


def _named(place: Place) -> str:
    return repr(place[1])[:40]


def _without(tree: Any, random: Random) -> tuple[Any, str]:
    if place := _somewhere(tree, random):
        node, key = place
        del node[key]
        return tree, f"without {_named(place)}"
    return tree, "as it was"


def _put(value_of: Callable[[Random], Any], what: str) -> Callable[[Any, Random], tuple[Any, str]]:
    def put(tree: Any, random: Random) -> tuple[Any, str]:
        value = value_of(random)
        if place := _somewhere(tree, random):
            place[0][place[1]] = value
            return tree, f"{what} {repr(value)[:30]} at {_named(place)}"
        return value, f"{what} {repr(value)[:30]} alone"

    return put


def _deep(random: Random) -> Any:
    node: Any = "bottom"
    for _ in range(random.choice((60, 300, 700))):
        node = [node] if random.random() < 0.5 else {"valueObject": node}
    return node


def _twice(tree: Any, random: Random) -> tuple[Any, str]:
    """A list with many times its members."""
    lists = [node[key] for node, key in _places(tree) if isinstance(node[key], list) and node[key]]
    if lists:
        chosen = random.choice(lists[:60])
        times = random.choice((2, 5, 40))
        chosen.extend(copy.deepcopy(chosen[:20] * times))
        return tree, f"a list of {len(chosen)} members"
    return tree, "as it was"


def _renamed(tree: Any, random: Random) -> tuple[Any, str]:
    objects = [node[key] for node, key in _places(tree) if isinstance(node[key], dict) and node[key]]
    if objects:
        chosen = random.choice(objects[:60])
        old, new = random.choice(list(chosen)), random.choice(_KEYS)
        chosen[new] = chosen.pop(old)
        return tree, f"{old!r} named {new[:20]!r}"
    return tree, "as it was"


def _swapped(tree: Any, random: Random) -> tuple[Any, str]:
    first, second = _somewhere(tree, random), _somewhere(tree, random)
    if first and second:
        first[0][first[1]] = copy.deepcopy(second[0][second[1]])
        return tree, f"{_named(second)} at {_named(first)}"
    return tree, "as it was"


_OF_THE_TREE = (
    _without,
    _put(lambda random: None, "null"),
    _put(lambda random: random.choice(([], {}, [[]], [None], {"a": None}, True, False)), "another type"),
    _put(lambda random: random.choice(_STRINGS), "text"),
    _put(lambda random: random.choice(_STRINGS), "text"),
    _put(lambda random: random.choice(_NUMBERS), "number"),
    _put(lambda random: random.choice(_NUMBERS), "number"),
    _put(_deep, "depth"),
    _twice,
    _renamed,
    _swapped,
)


# --- the text and the bytes ---------------------------------------------------------------------------


def _cut(text: str, random: Random) -> tuple[bytes, str]:
    end = random.randrange(len(text) + 1)
    return text[:end].encode(), f"cut at {end}"


def _flipped(text: str, random: Random) -> tuple[bytes, str]:
    content = bytearray(text.encode())
    for _ in range(random.choice((1, 3, 20))):
        content[random.randrange(len(content))] = random.randrange(256)
    return bytes(content), "bytes flipped"


def _doubled(text: str, random: Random) -> tuple[bytes, str]:
    keys = list(re.finditer(r'"(\w+)": ', text))
    if not keys:
        return text.encode(), "as it was"
    key = random.choice(keys)
    value = random.choice(("null", "[]", "{}", '"running"', '"failed"', "1e999"))
    return f"{text[: key.start()]}{key[0]}{value}, {text[key.start() :]}".encode(), f"{key[1]} twice"


def _brackets(text: str, random: Random) -> tuple[bytes, str]:
    depth = random.choice((2_000, 200_000))
    return b'{"status": "succeeded", "analyzeResult": ' + b"[" * depth, f"{depth} brackets"


_OF_THE_TEXT: tuple[Callable[[str, Random], tuple[bytes, str]], ...] = (
    _cut,
    _cut,
    _flipped,
    _flipped,
    _doubled,
    _doubled,
    _brackets,
    lambda text, random: (b"", "no body"),
    lambda text, random: (_PAGE, "a page of HTML"),
    lambda text, random: (text.encode("utf-16"), "UTF-16"),
    lambda text, random: (b"\xef\xbb\xbf" + text.encode(), "a byte order mark"),
    lambda text, random: (b"null", "null alone"),
    lambda text, random: (text.encode() + b"}", "a bracket too many"),
    lambda text, random: (b"\xff\xfe\x00" * 50, "no text at all"),
)
