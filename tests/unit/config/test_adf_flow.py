"""The pipelines of config/adf performed on a table: each enabled row once, whatever the page, and failures
that stop nothing and are told."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.azure.adf_expressions import ExpressionError, parse, value_of
from tests.azure.adf_pipelines import Activity, pipelines
from tests.azure.adf_runs import Factory, FailedError

PIPELINES = pipelines()
KEYS = st.from_regex(r"[a-z][a-z0-9]{0,4}(_[a-z0-9]{1,3})?", fullmatch=True)
_TOP = re.compile(r"SELECT( DISTINCT)? TOP \((\d+)\)(.*?ORDER BY \w+)", re.DOTALL)


@dataclass(frozen=True)
class Row:
    form_type: str
    enabled: bool = True
    group: str | None = None
    retrain: str = "on_change"


@dataclass
class World:
    """A parameter table, and what is done for its rows; `broken` are form types or groups whose work fails,
    `down` counts the Lookups that do; `mute`: failures cannot be written down either."""

    rows: list[Row]
    broken: set[str] = field(default_factory=set)
    down: int = 0
    mute: bool = False
    run: list[str] = field(default_factory=list)
    words: list[list[str]] = field(default_factory=list)
    written: list[dict[str, str]] = field(default_factory=list)
    models: dict[str, str] = field(default_factory=dict)
    lookups: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._table = sqlite3.connect(":memory:")
        self._table.row_factory = sqlite3.Row
        self._table.execute("CREATE TABLE form_type (form_type, enabled, form_batch_group_id, retrain)")
        values = [(each.form_type, each.enabled, each.group, each.retrain) for each in self.rows]
        self._table.executemany("INSERT INTO form_type VALUES (?, ?, ?, ?)", values)

    def perform(self, pipeline: str, **parameters: Any) -> str:
        """The message of the pipeline's failure, empty where it succeeds."""
        hooks = {
            "Lookup": self._look_up,
            "Script": self._write,
            "DatabricksJob": self._job,
            "DatabricksSparkPython": self._python,
            "DatabricksNotebook": self._train,
            "SqlServerStoredProcedure": self._procedure,
        }
        try:
            Factory(PIPELINES, hooks).run(pipeline, parameters)
        except FailedError as error:
            return str(error)
        return ""

    def _look_up(self, activity: Activity, known: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.down:
            self.down -= 1
            raise FailedError("the server was not found")
        query = _TOP.sub(r"SELECT\1\3 LIMIT \2", known["source"]["sqlReaderQuery"]).replace("N'", "'")
        found = [dict(each) for each in self._table.execute(query)]
        self.lookups.append(len(found))
        if known["firstRowOnly"]:
            return {"firstRow": found[0]}
        return {"count": len(found[:5000]), "value": found[:5000]}

    def _work(self, form_type: str) -> Mapping[str, Any]:
        self.run.append(form_type)
        if form_type in self.broken:
            raise FailedError(f"Databricks says no to {form_type}")
        return {"runId": "1"}

    def _job(self, _: Activity, known: Mapping[str, Any]) -> Mapping[str, Any]:
        assert (known["jobId"], known["jobParameters"]["max_minutes"]) == ("7", "30")
        (form_type,) = re.findall(r'^\["(\w+)"\]$', known["jobParameters"]["form_types"])
        return self._work(form_type)

    def _python(self, _: Activity, known: Mapping[str, Any]) -> Mapping[str, Any]:
        self.words.append(known["parameters"])
        assert known["libraries"][0] == {"whl": "dbfs:/formpipe/formpipe-0.1.0-py3-none-any.whl"}
        return self._work(known["parameters"][known["parameters"].index("--form-type") + 1])

    def _train(self, _: Activity, known: Mapping[str, Any]) -> Mapping[str, Any]:
        group = known["baseParameters"]["form_batch_group_id"]
        if group in self.broken:
            raise FailedError(f"no model for {group}")
        return {"runOutput": f"model-of-{group}"}

    def _procedure(self, _: Activity, known: Mapping[str, Any]) -> Mapping[str, Any]:
        given = {name: each["value"] for name, each in known["storedProcedureParameters"].items()}
        self.models[given["form_batch_group_id"]] = given["model_id"]
        return {}

    def _write(self, _: Activity, known: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.mute:
            raise FailedError("the database is read-only")
        (script,) = known["scripts"]
        self.written.append({each["name"]: each["value"] for each in script["parameters"]})
        return {}


def some(*names: str) -> list[Row]:
    return [Row(name) for name in names]


JOB = {"jobId": "7", "maxMinutes": 30}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("formpipe_all", JOB),
    ("formpipe_all_python", {"maxMinutes": 30}),
]


@pytest.mark.parametrize(("pipeline", "parameters"), VARIANTS)
@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(KEYS, st.booleans()), max_size=25, unique_by=lambda each: each[0]),
    size=st.integers(1, 7),
    data=st.data(),
)
def test_every_enabled_row_is_run_once_and_a_failure_stops_no_other(
    pipeline: str, parameters: dict[str, Any], rows: list[tuple[str, bool]], size: int, data: st.DataObject
) -> None:
    enabled = sorted(name for name, on in rows if on)
    broken = data.draw(st.sets(st.sampled_from(enabled))) if enabled else set()
    world = World([Row(*each) for each in rows], broken)
    told = world.perform(pipeline, **parameters, pageSize=size)
    assert world.run == enabled
    assert [each["form_type"] for each in world.written] == sorted(broken)
    assert all(each["message"] == f"Databricks says no to {each['form_type']}" for each in world.written)
    assert bool(told) == bool(broken)
    assert all(f"Databricks says no to {name}" in told for name in broken)


@pytest.mark.parametrize("pipeline", ["formpipe_all", "formpipe_own_training"])
def test_a_failure_that_cannot_be_written_down_is_told_all_the_same(pipeline: str) -> None:
    world = World([Row("a", retrain="never"), Row("b")], {"a"}, mute=True)
    more = {"notebookPath": "/Shared/train"} if pipeline == "formpipe_own_training" else {}
    told = world.perform(pipeline, **JOB, **more)
    assert "a: Databricks says no to a" in told or "a: no model for a" in told
    assert world.run == ["a", "b"]


def test_a_page_is_as_large_as_it_may_be() -> None:
    world = World(some(*(f"f{number:05}" for number in range(9_000))))
    assert world.perform("formpipe_all", **JOB, pageSize=100_000) == ""
    assert len(world.run) == len(set(world.run)) == 9_000
    assert [count for count in world.lookups if count > 1] == [4_000, 4_000, 1_000]


def test_a_range_that_one_lookup_cannot_hold_is_refused() -> None:
    world = World(some(*(f"f{number:05}" for number in range(6_000))))
    assert "narrower range" in world.perform("formpipe_page", **JOB, upTo="zzz")
    assert world.run == []
    assert world.perform("formpipe_page", **JOB, after="f00010", upTo="f00012") == ""
    assert world.run == ["f00011", "f00012"]


def test_no_row_is_no_failure() -> None:
    world = World([Row("a", enabled=False)])
    assert world.perform("formpipe_all", **JOB) == ""
    assert world.run == []


def test_a_table_that_cannot_be_read_ends_the_paging_by_name() -> None:
    world = World(some("a", "b"), down=1)
    told = world.perform("formpipe_all", **JOB)
    assert "could not be read: the server was not found" in told
    assert world.run == []


def test_a_page_that_cannot_be_read_is_told_and_the_next_ones_are_run() -> None:
    world = World(some("a", "b", "c"))
    once = world._look_up

    def second_fails(activity: Activity, known: Mapping[str, Any]) -> Mapping[str, Any]:
        if len(world.lookups) == 1:
            world.down = 1
            world.lookups.append(0)
        return once(activity, known)

    world._look_up = second_fails  # type: ignore[method-assign]
    told = world.perform("formpipe_all", **JOB, pageSize=1)
    assert '1 failed: after "" up to "a"' in told and "the server was not found" in told
    assert world.run == ["b", "c"]


def test_the_python_variant_gives_the_command_its_words() -> None:
    world = World(some("invoices"))
    assert world.perform("formpipe_all_python", maxMinutes=30) == ""
    options = ["--executor", "spark", "--form-type", "invoices", "--max-minutes", "30", "--output", "json"]
    assert world.words == [["run", *options]]


def test_own_trainings_are_written_into_their_groups_and_then_every_row_is_run() -> None:
    rows = [
        Row("a", group="left", retrain="never"),
        Row("b", group=" left ", retrain="never"),
        Row("c", retrain="never", group=""),
        Row("d"),
        Row("e", retrain="never", enabled=False),
        Row("f", group="right", retrain="never"),
    ]
    world = World(rows, {"right"})
    told = world.perform("formpipe_own_training", **JOB, notebookPath="/Shared/train", pageSize=1)
    assert world.models == {"c": "model-of-c", "left": "model-of-left"}
    assert world.run == ["a", "b", "c", "d", "f"]
    assert "no model for right" in told
    assert [each["message"] for each in world.written] == ["no model for right"]
    assert [each["about"] for each in world.written] == ["the training of right"]


# --- the language itself ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("@@", "@"),
        (" @", " @"),
        ("@@{pipeline()}", "@{pipeline()}"),
        ("@concat('Baba', '''s ', 'book store')", "Baba's book store"),
        ("Answer is: @{min(42, 43)}", "Answer is: 42"),
        ("@min(42, 43)", 42),
        ("@{min(42, 43)}", "42"),
        ("@if(less(1, 2), 'yes', 'no')", "yes"),
        ("@pipeline().parameters['n']", 3),
        ("@coalesce(activity('A')?.error?.message, 'none')", "none"),
        ("@string(true)", "true"),
        ("@replace('a''b', '''', '''''')", "a''b"),
    ],
)
def test_an_expression_comes_to_what_is_documented(text: str, value: object) -> None:
    around = {"pipeline": lambda: {"parameters": {"n": 3}}, "activity": lambda name: {"output": {}}}
    assert value_of(parse(text), around) == value


@pytest.mark.parametrize(
    "text",
    [
        "@concat('a', 'b'",
        "@concat('a' 'b')",
        "@concat('a', 'b'))",
        "@cat('a', 'b')",
        "@less(1)",
        "@{min(1, 2)",
        "@'it's'",
        "@pipeline().parameters.",
        "@pipeline",
        "@",
        "@activity('A').output[0",
    ],
)
def test_what_is_no_expression_is_found_out(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)
