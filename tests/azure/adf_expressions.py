"""The expression language of Data Factory, as far as its documentation says: text to a tree, and its value.

Microsoft Learn, "Expressions and functions in Azure Data Factory": a string that begins with `@` is an
expression, `@{...}` inside a string is one whose value becomes text, `@@` is a plain `@`; texts stand between
single quotes, and two of them are one. Functions and the number of their arguments: its function reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

MANY = 1_000
FUNCTIONS: dict[str, tuple[int, int]] = {
    # strings
    "concat": (2, MANY),
    "endsWith": (2, 2),
    "guid": (0, 1),
    "indexOf": (2, 2),
    "lastIndexOf": (2, 2),
    "replace": (3, 3),
    "split": (2, 2),
    "startsWith": (2, 2),
    "substring": (2, 3),
    "toLower": (1, 1),
    "toUpper": (1, 1),
    "trim": (1, 1),
    # collections
    "contains": (2, 2),
    "empty": (1, 1),
    "first": (1, 1),
    "intersection": (2, MANY),
    "join": (2, 2),
    "last": (1, 1),
    "length": (1, 1),
    "skip": (2, 2),
    "take": (2, 2),
    "union": (2, MANY),
    # logic
    "and": (2, 2),
    "equals": (2, 2),
    "greater": (2, 2),
    "greaterOrEquals": (2, 2),
    "if": (3, 3),
    "less": (2, 2),
    "lessOrEquals": (2, 2),
    "not": (1, 1),
    "or": (2, 2),
    # conversion
    "array": (1, 1),
    "base64": (1, 1),
    "base64ToBinary": (1, 1),
    "base64ToString": (1, 1),
    "binary": (1, 1),
    "bool": (1, 1),
    "coalesce": (1, MANY),
    "createArray": (1, MANY),
    "dataUri": (1, 1),
    "dataUriToBinary": (1, 1),
    "dataUriToString": (1, 1),
    "decodeBase64": (1, 1),
    "decodeDataUri": (1, 1),
    "decodeUriComponent": (1, 1),
    "encodeUriComponent": (1, 1),
    "float": (1, 1),
    "int": (1, 1),
    "json": (1, 1),
    "string": (1, 1),
    "uriComponent": (1, 1),
    "uriComponentToBinary": (1, 1),
    "uriComponentToString": (1, 1),
    "xml": (1, 1),
    "xpath": (2, 2),
    # numbers
    "add": (2, 2),
    "div": (2, 2),
    "max": (1, MANY),
    "min": (1, MANY),
    "mod": (2, 2),
    "mul": (2, 2),
    "rand": (2, 2),
    "range": (2, 2),
    "sub": (2, 2),
    # times
    "addDays": (2, 3),
    "addHours": (2, 3),
    "addMinutes": (2, 3),
    "addSeconds": (2, 3),
    "addToTime": (3, 4),
    "convertFromUtc": (2, 3),
    "convertTimeZone": (3, 4),
    "convertToUtc": (2, 3),
    "dayOfMonth": (1, 1),
    "dayOfWeek": (1, 1),
    "dayOfYear": (1, 1),
    "formatDateTime": (1, 2),
    "getFutureTime": (2, 3),
    "getPastTime": (2, 3),
    "startOfDay": (1, 2),
    "startOfHour": (1, 2),
    "startOfMonth": (1, 2),
    "subtractFromTime": (3, 4),
    "ticks": (1, 1),
    "utcNow": (0, 1),
    # what is around
    "activity": (1, 1),
    "dataset": (0, 0),
    "item": (0, 0),
    "linkedService": (0, 0),
    "pipeline": (0, 0),
    "trigger": (0, 0),
    "variables": (1, 1),
}
SYSTEM_VARIABLES = {
    *("DataFactory", "GroupId", "Pipeline", "RunId", "TriggeredByPipelineName", "TriggeredByPipelineRunId"),
    *("TriggerId", "TriggerName", "TriggerTime", "TriggerType"),
}
"""Of `pipeline()` (Microsoft Learn, "System variables supported by Azure Data Factory")."""


class ExpressionError(ValueError):
    """A text that is no expression."""


@dataclass(frozen=True)
class Literal:
    value: str | int | float | bool | None


@dataclass(frozen=True)
class Call:
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Member:
    """`base.key`, `base['key']`; `safe` with a `?` before it."""

    base: Node
    key: Node
    safe: bool = False


@dataclass(frozen=True)
class Text:
    """A string with expressions in it."""

    pieces: tuple[Node, ...]


Node = Literal | Call | Member | Text

_TOKEN = re.compile(
    r"""\s*(?: (?P<text>'(?:[^']|'')*') | (?P<number>-?\d+(?:\.\d+)?) | (?P<name>[A-Za-z_]\w*)
        | (?P<sign>\?\.|\?\[|[().,\[\]]) )""",
    re.VERBOSE,
)
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


@cache
def parse(text: str) -> Node:
    """The tree of a JSON string. Raises ExpressionError."""
    if text.startswith("@") and not text.startswith(("@@", "@{")):
        node, end = _Reader(text, 1).expression()
        if text[end:].strip():
            raise ExpressionError(f"{text[end:]!r} is left over in {text!r}")
        return node
    return _interpolated(text)


def _interpolated(text: str) -> Node:
    pieces: list[Node] = []
    at, plain = 0, ""
    while at < len(text):
        if text.startswith("@@", at):
            plain, at = plain + "@", at + 2
        elif text.startswith("@{", at):
            node, end = _Reader(text, at + 2).expression()
            end += len(text[end:]) - len(text[end:].lstrip())
            if not text.startswith("}", end):
                raise ExpressionError(f"no }} after {text[at:end]!r}")
            pieces, plain, at = [*pieces, Literal(plain), node], "", end + 1
        else:
            plain, at = plain + text[at], at + 1
    return Text((*pieces, Literal(plain))) if pieces else Literal(plain)


class _Reader:
    def __init__(self, text: str, at: int) -> None:
        self._text = text
        self._at = at

    def expression(self) -> tuple[Node, int]:
        return self._value(), self._at

    def _value(self) -> Node:
        kind, word = self._next()
        node: Node
        if kind == "text":
            node = Literal(word[1:-1].replace("''", "'"))
        elif kind == "number":
            node = Literal(float(word) if "." in word else int(word))
        elif kind == "name" and word in _WORDS:
            node = Literal(_WORDS[word])
        elif kind == "name":
            node = self._call(word)
        else:
            raise ExpressionError(f"{word!r} does not begin a value in {self._text!r}")
        return self._members(node)

    def _call(self, name: str) -> Call:
        if name not in FUNCTIONS:
            raise ExpressionError(f"there is no function {name}")
        self._take("(")
        arguments: list[Node] = []
        while not self._taken(")"):
            if arguments:
                self._take(",")
            arguments.append(self._value())
        least, most = FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            raise ExpressionError(f"{name} takes {least} to {most} arguments, not {len(arguments)}")
        return Call(name, tuple(arguments))

    def _members(self, node: Node) -> Node:
        while sign := self._taken(".", "?.", "[", "?["):
            if sign.endswith("."):
                kind, word = self._next()
                if kind != "name":
                    raise ExpressionError(f"{word!r} is no property in {self._text!r}")
                node = Member(node, Literal(word), sign.startswith("?"))
            else:
                node = Member(node, self._value(), sign.startswith("?"))
                self._take("]")
        return node

    def _next(self) -> tuple[str, str]:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found.lastgroup is None:
            raise ExpressionError(f"{self._text[self._at :]!r} is no part of an expression")
        self._at = found.end()
        return found.lastgroup, found[found.lastgroup]

    def _taken(self, *signs: str) -> str:
        """The sign that stands here, where it is one of these; else nothing is taken."""
        found = _TOKEN.match(self._text, self._at)
        if found is None or found["sign"] not in signs:
            return ""
        self._at = found.end()
        return str(found["sign"])

    def _take(self, sign: str) -> None:
        if not self._taken(sign):
            raise ExpressionError(f"no {sign} before {self._text[self._at :]!r}")


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    below: tuple[Node, ...] = ()
    if isinstance(node, Call):
        below = node.arguments
    elif isinstance(node, Member):
        below = (node.base, node.key)
    elif isinstance(node, Text):
        below = node.pieces
    for each in below:
        yield from walk(each)


_PERFORMED: dict[str, Callable[..., Any]] = {
    "coalesce": lambda *values: next((each for each in values if each is not None), None),
    "concat": lambda *values: "".join(_text(each) for each in values),
    "empty": lambda value: not value,
    "equals": lambda first, second: first == second,
    "greater": lambda first, second: first > second,
    "if": lambda condition, yes, no: yes if condition else no,
    "join": lambda values, between: between.join(values),
    "length": len,
    "less": lambda first, second: first < second,
    "min": min,
    "replace": lambda text, old, new: text.replace(old, new),
    "string": lambda value: _text(value),
}


def value_of(node: Node, around: Mapping[str, Callable[..., Any]]) -> Any:
    """What an expression comes to. `around` performs `pipeline`, `variables`, `activity` and `item`. Raises
    KeyError for a property that is not there, as Data Factory does."""
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Text):
        return "".join(_text(value_of(each, around)) for each in node.pieces)
    if isinstance(node, Call):
        performed = around.get(node.name) or _PERFORMED[node.name]
        return performed(*(value_of(each, around) for each in node.arguments))
    base, key = value_of(node.base, around), value_of(node.key, around)
    if node.safe and (base is None or (isinstance(base, Mapping) and key not in base)):
        return None
    return base[key]


def _text(value: Any) -> str:
    """As Data Factory writes it."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
