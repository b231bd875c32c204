"""Data Factory's pipelines performed: order, outcomes, loops and expressions, the work itself by hooks.

Microsoft Learn: "Errors and conditional execution" (an activity is begun when its dependencies ended as asked
and skipped otherwise; a pipeline succeeded where all leaves did, and a leaf that was skipped counts as what
is before it), "Until activity" (goes on where an activity in it fails), "ForEach activity" (the others go on,
then it fails).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.azure.adf_expressions import parse, value_of
from tests.azure.adf_pipelines import Activity, Document

Hook = Callable[[Activity, Mapping[str, Any]], Mapping[str, Any]]
"""Performs an activity with its type properties filled in; its output. Raises FailedError."""

_ENDLESS = 5_000


class FailedError(Exception):
    """An activity or a pipeline failed; the text is its message."""


@dataclass(frozen=True)
class Scope:
    """What expressions see: the pipeline's parameters and variables, activities that ended, a loop's item."""

    parameters: Mapping[str, Any]
    variables: dict[str, Any]
    ended: dict[str, dict[str, Any]] = field(default_factory=dict)
    item: Any = None

    def around(self) -> dict[str, Callable[..., Any]]:
        return {
            "pipeline": lambda: {"parameters": self.parameters, "RunId": "run-1"},
            "variables": lambda name: self.variables[name],
            "activity": lambda name: self.ended[name],
            "item": lambda: self.item,
        }

    def filled(self, value: Any) -> Any:
        """A part with its expressions replaced by what they come to."""
        if isinstance(value, str):
            return value_of(parse(value), self.around())
        if isinstance(value, list):
            return [self.filled(each) for each in value]
        if isinstance(value, dict):
            is_expression = value.get("type") == "Expression" and "value" in value
            return (
                self.filled(value["value"])
                if is_expression
                else {key: self.filled(each) for key, each in value.items()}
            )
        return value


class Factory:
    """`hooks` by type of activity. `performed` are the activities that were begun, with their outcomes."""

    def __init__(self, pipelines: Mapping[str, Document], hooks: Mapping[str, Hook]) -> None:
        self._pipelines = pipelines
        self._hooks = hooks
        self.performed: list[tuple[str, str]] = []

    def run(self, name: str, parameters: Mapping[str, Any]) -> None:
        """Raises FailedError where the pipeline fails."""
        known = self._pipelines[name].properties
        given = {n: p["defaultValue"] for n, p in known.get("parameters", {}).items() if "defaultValue" in p}
        given |= parameters
        assert set(given) == set(known.get("parameters", {})), "parameters that are missing or unknown"
        variables = {n: _copy(v["defaultValue"]) for n, v in known.get("variables", {}).items()}
        self._all(known["activities"], Scope(given, variables))

    def _all(self, activities: list[Activity], scope: Scope) -> None:
        """Performs the activities in their order. Raises FailedError where they end as a failure."""
        waiting = list(activities)
        while waiting:
            ready = [each for each in waiting if all(d["activity"] in scope.ended for d in _needs(each))]
            assert ready, "the activities wait for each other"
            for each in ready:
                waiting.remove(each)
                scope.ended[each["name"]] = self._outcome(each, scope)
        by_name = {each["name"]: each for each in activities}
        followed = {need["activity"] for each in activities for need in _needs(each)}
        failed = {
            name
            for leaf in set(by_name) - followed
            for name in _standing_for(leaf, by_name, scope)
            if scope.ended[name]["Status"] == "Failed"
        }
        if failed:
            raise FailedError("; ".join(f"{n}: {scope.ended[n]['error']['message']}" for n in sorted(failed)))

    def _outcome(self, activity: Activity, scope: Scope) -> dict[str, Any]:
        if not all(_is_met(need, scope.ended[need["activity"]]["Status"]) for need in _needs(activity)):
            return {"Status": "Skipped"}
        try:
            output = self._output(activity, scope)
        except FailedError as error:
            self.performed.append((activity["name"], "Failed"))
            return {"Status": "Failed", "error": {"message": str(error)}}
        self.performed.append((activity["name"], "Succeeded"))
        return {"Status": "Succeeded", "output": output}

    def _output(self, activity: Activity, scope: Scope) -> Mapping[str, Any]:
        kind, known = activity["type"], activity["typeProperties"]
        if kind == "Until":
            return self._until(known, scope)
        if kind == "ForEach":
            return self._for_each(known, scope)
        if kind == "IfCondition":
            branch = "ifTrueActivities" if scope.filled(known["expression"]) else "ifFalseActivities"
            self._all(known.get(branch, []), replace(scope, ended=dict(scope.ended)))
            return {}
        filled = scope.filled(known)
        if kind == "ExecutePipeline":
            self.run(filled["pipeline"]["referenceName"], filled["parameters"])
            return {}
        if kind == "Fail":
            raise FailedError(filled["message"])
        if kind == "SetVariable":
            scope.variables[filled["variableName"]] = filled["value"]
            return {}
        if kind == "AppendVariable":
            scope.variables[filled["variableName"]].append(filled["value"])
            return {}
        return self._hooks[kind](activity, filled)

    def _until(self, known: Mapping[str, Any], scope: Scope) -> Mapping[str, Any]:
        for _ in range(_ENDLESS):
            failure = None
            try:
                self._all(known["activities"], replace(scope, ended=dict(scope.ended)))
            except FailedError as error:
                failure = error
            if scope.filled(known["expression"]):
                if failure is not None:
                    raise failure
                return {}
        raise AssertionError("an Until that does not end")

    def _for_each(self, known: Mapping[str, Any], scope: Scope) -> Mapping[str, Any]:
        failures = []
        for item in scope.filled(known["items"]):
            try:
                self._all(known["activities"], replace(scope, ended=dict(scope.ended), item=item))
            except FailedError as error:
                failures.append(str(error))
        if failures:
            raise FailedError("; ".join(failures))
        return {}


def _needs(activity: Activity) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = activity.get("dependsOn", [])
    return found


def _is_met(need: Mapping[str, Any], status: str) -> bool:
    asked = need["dependencyConditions"]
    return status in asked or ("Completed" in asked and status != "Skipped")


def _standing_for(name: str, by_name: Mapping[str, Activity], scope: Scope) -> set[str]:
    """The activity, or those before it where it was skipped."""
    if scope.ended[name]["Status"] != "Skipped":
        return {name}
    return set().union(*(_standing_for(n["activity"], by_name, scope) for n in _needs(by_name[name])))


def _copy(value: Any) -> Any:
    return list(value) if isinstance(value, list) else value
