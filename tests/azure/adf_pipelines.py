"""The pipelines in config/adf as their tests look at them: activities, containers, expressions, places."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.azure.adf_expressions import Call, Literal, Node, parse, walk
from tests.azure.adf_models import KINDS

FOLDER = Path(__file__).parents[2] / "config" / "adf"
CONTAINERS = {"ForEach", "IfCondition", "Switch", "Until"}
BRANCHES = ("activities", "ifTrueActivities", "ifFalseActivities")

Activity = dict[str, Any]


@dataclass(frozen=True)
class Document:
    kind: str
    content: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.content["name"])

    @property
    def properties(self) -> dict[str, Any]:
        found: dict[str, Any] = self.content["properties"]
        return found


@dataclass(frozen=True)
class Place:
    """An activity, those that stand beside it, and the containers around it, outermost first."""

    activity: Activity
    beside: tuple[Activity, ...]
    inside: tuple[Place, ...] = ()

    @property
    def name(self) -> str:
        return str(self.activity["name"])

    def before(self) -> set[str]:
        """The activities that have ended, one way or another, when this one begins."""
        by_name = {each["name"]: each for each in self.beside}
        found: set[str] = set()
        wanted = [each["activity"] for each in self.activity.get("dependsOn", [])]
        while wanted:
            name = wanted.pop()
            if name not in found:
                found.add(name)
                wanted += [each["activity"] for each in by_name[name].get("dependsOn", [])]
        return found.union(*(each.before() for each in self.inside))


def documents() -> list[Document]:
    files = [file for kind in KINDS for file in sorted((FOLDER / kind).glob("*.json"))]
    return [Document(file.parent.name, json.loads(file.read_text(encoding="utf-8"))) for file in files]


def pipelines() -> dict[str, Document]:
    return {each.name: each for each in documents() if each.kind == "pipeline"}


def places(pipeline: Document) -> list[Place]:
    """Every activity, at every depth."""
    return list(_places(pipeline.properties["activities"], ()))


def _places(activities: list[Activity], inside: tuple[Place, ...]) -> Iterator[Place]:
    for each in activities:
        place = Place(each, tuple(activities), inside)
        yield place
        for branch in branches(each):
            yield from _places(branch, (*inside, place))


def branches(activity: Activity) -> list[list[Activity]]:
    known = activity.get("typeProperties", {})
    return [known[name] for name in BRANCHES if name in known]


def texts(value: Any, *, nested: bool = True) -> Iterator[str]:
    """Every string of a part; of a container without those of the activities in it, unless `nested`."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from texts(each, nested=nested)
    elif isinstance(value, dict):
        for key, each in value.items():
            if nested or key not in BRANCHES:
                yield from texts(each, nested=nested)


def expressions(part: Any, *, nested: bool = False) -> Iterator[tuple[str, Node]]:
    """The strings of a part that hold an expression, with their trees."""
    for text in texts(part, nested=nested):
        tree = parse(text)
        if not isinstance(tree, Literal):
            yield text, tree


def calls(tree: Node, name: str) -> list[Call]:
    return [each for each in walk(tree) if isinstance(each, Call) and each.name == name]


def named(call: Call) -> str:
    """The literal text that a call is given: `activity('X')`, `variables('V')`."""
    (argument,) = call.arguments
    assert isinstance(argument, Literal) and isinstance(argument.value, str)
    return argument.value
