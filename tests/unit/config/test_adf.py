"""config/adf: what Data Factory would say of the files, as far as that can be known without one.

Limits: Microsoft Learn, "Azure subscription and service limits" (Data Factory), "Nested activities", "Lookup
activity", "Errors and conditional execution", "Naming rules". test_adf_flow.py performs the pipelines.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure.mgmt.datafactory import models
from typer.main import get_command

from pipeline.cli.main import app
from pipeline.secrets.environment import names_of
from pipeline.settings import Settings
from pipeline.types import SecretNames
from tests.azure.adf_expressions import SYSTEM_VARIABLES, Call, Literal, Member, parse, walk
from tests.azure.adf_models import faults, parts
from tests.azure.adf_pipelines import (
    BRANCHES,
    CONTAINERS,
    Document,
    Place,
    calls,
    documents,
    expressions,
    named,
    pipelines,
    places,
    texts,
)
from tests.databases.tsql import parses_as_tsql

ROOT = Path(__file__).parents[3]
ALL = documents()
PIPELINES = pipelines()
PLACES = [(name, place) for name, each in PIPELINES.items() for place in places(each)]
MOST_ACTIVITIES = 40
"""80 since 2024; 40 is what every factory takes."""
LOOKUP_ROWS, LOOKUP_BYTES = 5_000, 4 * 1024 * 1024
LONGEST_KEY = 40


def of(kind: str) -> dict[str, Document]:
    return {each.name: each for each in ALL if each.kind == kind}


def ids(places: list[tuple[str, Place]]) -> list[str]:
    return [f"{name}/{place.name}" for name, place in places]


# --- the models of the SDK ----------------------------------------------------------------------------


def test_the_folder_is_what_was_promised() -> None:
    assert {kind: sorted(of(kind)) for kind in ("linkedService", "dataset", "trigger")} == {
        "linkedService": [
            "formpipe_databricks",
            "formpipe_databricks_cluster",
            "formpipe_key_vault",
            "formpipe_sql",
        ],
        "dataset": ["formpipe_form_types"],
        "trigger": ["formpipe_nightly"],
    }
    assert len(PIPELINES) == 6


@pytest.mark.parametrize("document", ALL, ids=lambda each: each.name)
def test_a_file_makes_the_round_trip_through_the_models(document: Document) -> None:
    assert faults(document.kind, document.content) == []


def spoilt(change: str) -> dict[str, Any]:
    content = copy.deepcopy(PIPELINES["formpipe_page"].content)
    job = content["properties"]["activities"][2]["typeProperties"]["activities"][0]
    if change == "unknown property":
        job["polcy"] = {}
    elif change == "unknown type property":
        job["typeProperties"]["jobPath"] = "/x"
    elif change == "missing":
        del job["typeProperties"]["jobId"]
    elif change == "unknown type":
        job["type"] = "DatabricksJobs"
    else:
        content["properties"]["activites"] = []
    return content


@pytest.mark.parametrize(
    "change",
    ["unknown property", "unknown type property", "missing", "unknown type", "unknown of the pipeline"],
)
def test_a_file_that_is_wrong_is_found_out(change: str) -> None:
    assert faults("pipeline", spoilt(change))


@pytest.mark.parametrize("document", ALL, ids=lambda each: each.name)
def test_what_the_models_leave_open_is_one_of_the_words_there_are(document: Document) -> None:
    for part in parts(document.kind, document.content):
        if isinstance(part, models.ActivityDependency):
            assert set(part.dependency_conditions) <= {each.value for each in models.DependencyCondition}
        if isinstance(part, models.ParameterSpecification):
            assert part.type in {each.value for each in models.ParameterType}
        if isinstance(part, models.VariableSpecification):
            assert part.type in {each.value for each in models.VariableType}
        if isinstance(part, models.ScriptActivityParameter):
            assert part.type in {each.value for each in models.ScriptActivityParameterType}
            assert part.direction in {each.value for each in models.ScriptActivityParameterDirection}
        if isinstance(part, models.ScriptActivityScriptBlock):
            assert part.type in {"Query", "NonQuery"}
        if isinstance(part, models.ScheduleTriggerRecurrence):
            assert part.frequency in {each.value for each in models.RecurrenceFrequency}


@pytest.mark.parametrize("document", ALL, ids=lambda each: each.name)
def test_a_file_has_the_name_of_what_is_in_it(document: Document) -> None:
    assert (ROOT / "config" / "adf" / document.kind / f"{document.name}.json").is_file()
    assert re.fullmatch(r"[A-Za-z_]\w{0,139}", document.name)


# --- references ---------------------------------------------------------------------------------------


def references(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if "referenceName" in value:
            yield value["type"].removesuffix("Reference"), value["referenceName"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


@pytest.mark.parametrize("document", ALL, ids=lambda each: each.name)
def test_what_is_referred_to_is_there(document: Document) -> None:
    kinds = {"LinkedService": "linkedService", "Pipeline": "pipeline", "Dataset": "dataset"}
    for kind, name in references(document.content):
        assert name in of(kinds[kind]), name


def test_nothing_is_left_that_nobody_refers_to() -> None:
    named = {name for document in ALL for _, name in references(document.content)}
    begun = {
        "formpipe_all_python",
        "formpipe_own_training",
    }  # by hand, or by the trigger in place of the other
    assert {each.name for each in ALL if each.kind != "trigger"} - named == begun


@pytest.mark.parametrize(("name", "place"), PLACES, ids=ids(PLACES))
def test_an_activity_waits_for_ones_beside_it(name: str, place: Place) -> None:
    beside = {each["name"] for each in place.beside}
    assert place.before() - set().union(*(each.before() for each in place.inside)) <= beside - {place.name}


@pytest.mark.parametrize("name", PIPELINES)
def test_names_of_activities_are_used_once_and_allowed(name: str) -> None:
    names = [place.name for place in places(PIPELINES[name])]
    assert len(names) == len(set(names)) <= MOST_ACTIVITIES
    assert all(re.fullmatch(r"\w[^.+?/<>*%&:\\]{0,54}", each) for each in names)


def handed_to(reference: dict[str, Any]) -> tuple[set[str], set[str]]:
    """The parameters that a pipeline is handed, and those it must be."""
    called = PIPELINES[reference.get("pipeline", reference.get("pipelineReference"))["referenceName"]]
    declared = called.properties.get("parameters", {})
    assert set(reference.get("parameters", {})) <= set(declared)
    return set(reference.get("parameters", {})), {n for n, p in declared.items() if "defaultValue" not in p}


@pytest.mark.parametrize(("name", "place"), PLACES, ids=ids(PLACES))
def test_a_called_pipeline_gets_what_it_needs_and_is_waited_for(name: str, place: Place) -> None:
    if place.activity["type"] == "ExecutePipeline":
        known = place.activity["typeProperties"]
        handed, needed = handed_to(known)
        assert needed <= handed
        assert known["waitOnCompletion"] is True


def test_the_trigger_gives_its_pipeline_what_it_needs() -> None:
    (trigger,) = of("trigger").values()
    for each in trigger.properties["pipelines"]:
        handed, needed = handed_to(each)
        assert needed <= handed


# --- nesting and order --------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "place"), PLACES, ids=ids(PLACES))
def test_no_container_stands_in_a_container(name: str, place: Place) -> None:
    if place.activity["type"] in CONTAINERS:
        assert place.inside == ()
    assert place.activity["type"] != "Validation" or place.inside == ()


@pytest.mark.parametrize(("name", "place"), PLACES, ids=ids(PLACES))
def test_variables_are_set_where_one_at_a_time_sets_them(name: str, place: Place) -> None:
    if place.activity["type"] in ("SetVariable", "AppendVariable"):
        around = [each.activity for each in place.inside if each.activity["type"] == "ForEach"]
        assert all(each["typeProperties"].get("isSequential") for each in around)
        variable = place.activity["typeProperties"]["variableName"]
        assert variable in PIPELINES[name].properties["variables"]
        for _, tree in expressions(place.activity["typeProperties"]):
            own = [each for each in calls(tree, "variables") if named(each) == variable]
            assert own == [], "a variable cannot be set from itself"


@pytest.mark.parametrize("name", PIPELINES)
def test_no_activity_is_followed_on_completion_and_on_success_or_failure_as_well(name: str) -> None:
    for place in places(PIPELINES[name]):
        followed = [
            set(dependency["dependencyConditions"])
            for each in place.beside
            for dependency in each.get("dependsOn", [])
            if dependency["activity"] == place.name
        ]
        if any("Completed" in each for each in followed):
            assert all(each == {"Completed"} for each in followed), place.name


def test_a_loop_runs_so_many_at_a_time_as_are_allowed() -> None:
    loops = [place.activity["typeProperties"] for _, place in PLACES if place.activity["type"] == "ForEach"]
    assert len(loops) == 3
    assert all(1 < each["batchCount"] <= 50 and each["isSequential"] is False for each in loops)


@pytest.mark.parametrize(("name", "place"), PLACES, ids=ids(PLACES))
def test_what_may_hang_has_an_end(name: str, place: Place) -> None:
    kind = place.activity["type"]
    if kind == "Until":
        assert re.fullmatch(r"\d+\.\d\d:\d\d:\d\d", place.activity["typeProperties"]["timeout"])
    if kind in ("Lookup", "Script") or kind.startswith(("Databricks", "SqlServer")):
        assert re.fullmatch(r"\d+\.\d\d:\d\d:\d\d", place.activity["policy"]["timeout"])


# --- expressions --------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", ALL, ids=lambda each: each.name)
def test_every_string_can_be_read(document: Document) -> None:
    for text in texts(document.content):
        parse(text)


@pytest.mark.parametrize(("name", "place"), PLACES, ids=ids(PLACES))
def test_an_expression_is_marked_as_one_and_nothing_else_is(name: str, place: Place) -> None:
    def check(value: Any, marked: bool) -> None:
        if isinstance(value, str):
            assert isinstance(parse(value), Literal) or marked, value
        elif isinstance(value, list):
            for each in value:
                check(each, True)  # lists of texts have no room for a mark
        elif isinstance(value, dict):
            is_one = value.get("type") == "Expression"
            assert not is_one or not isinstance(parse(value["value"]), Literal), value
            for each in value.values():
                check(each, marked or is_one)

    own = place.activity.get("typeProperties", {})
    check({key: each for key, each in own.items() if key not in BRANCHES}, False)


@pytest.mark.parametrize(("name", "place"), PLACES, ids=ids(PLACES))
def test_an_expression_names_what_there_is(name: str, place: Place) -> None:
    declared = PIPELINES[name].properties
    for text, tree in expressions(place.activity):
        for call in calls(tree, "activity"):
            inside = {each["name"] for branch in [place.activity] for each in within(branch)}
            known = place.before() | (inside if place.activity["type"] == "Until" else set())
            assert named(call) in known, text
        for call in calls(tree, "variables"):
            assert named(call) in declared["variables"], text
        if calls(tree, "item"):
            assert "ForEach" in [each.activity["type"] for each in place.inside], text
        assert not calls(tree, "dataset") and not calls(tree, "linkedService"), text
        for member in of_the_pipeline(tree):
            assert member in SYSTEM_VARIABLES or member.removeprefix("parameters.") in declared["parameters"]


def within(activity: dict[str, Any]) -> list[dict[str, Any]]:
    return list(activity.get("typeProperties", {}).get("activities", []))


def of_the_pipeline(tree: Any) -> Iterator[str]:
    """What is asked of `pipeline()`: `RunId`, `parameters.jobId`; each call of it must be asked something."""
    asked = 0
    for each in walk(tree):
        if not isinstance(each, Member) or not isinstance(each.key, Literal):
            continue
        if each.base == Call("pipeline", ()) and each.key.value != "parameters":
            asked += 1
            yield str(each.key.value)
        if each.base == Member(Call("pipeline", ()), Literal("parameters")):
            asked += 1
            yield f"parameters.{each.key.value}"
    assert asked == len(calls(tree, "pipeline"))


@pytest.mark.parametrize("name", PIPELINES)
def test_every_parameter_and_variable_is_used(name: str) -> None:
    text = "\n".join(chain(*(texts(place.activity) for place in places(PIPELINES[name]))))
    declared = PIPELINES[name].properties
    unused = [each for each in declared["parameters"] if f"pipeline().parameters.{each}" not in text]
    unused += [each for each in declared.get("variables", {}) if f"variables('{each}')" not in text]
    assert unused == []


# --- what is asked of the database --------------------------------------------------------------------


def queries() -> list[tuple[str, str]]:
    found = []
    for name, place in PLACES:
        known = place.activity.get("typeProperties", {})
        if place.activity["type"] == "Lookup":
            found.append((f"{name}/{place.name}", known["source"]["sqlReaderQuery"]["value"]))
        if place.activity["type"] == "Script":
            found += [(f"{name}/{place.name}", each["text"]) for each in known["scripts"]]
    return found


@pytest.mark.parametrize(("where", "query"), queries(), ids=[where for where, _ in queries()])
def test_a_query_is_t_sql(where: str, query: str) -> None:
    in_texts = re.sub(r"N'@\{[^}]*\}'", "N'invoices'", query)
    filled = re.sub(r"@\{[^}]*\}", "1000", in_texts)
    assert "@{" not in filled
    assert parses_as_tsql(filled)


@pytest.mark.parametrize(("where", "query"), queries(), ids=[where for where, _ in queries()])
def test_a_query_asks_for_enabled_rows_by_key_and_for_keys_alone(where: str, query: str) -> None:
    if "INSERT" in query:
        return
    assert "WHERE enabled = 1" in query
    assert " > N'@{" in query and "ORDER BY" in query and "*" not in query.replace("COUNT(*)", "")


def test_a_page_fits_into_one_lookup() -> None:
    tops = re.findall(r"TOP \(@\{min\(pipeline\(\)\.parameters\.pageSize, (\d+)\)\}\)", str(queries()))
    assert len(tops) == 3
    most = max(int(each) for each in tops)
    row = json.dumps({"form_group": "x" * LONGEST_KEY}) + ","
    assert most < LOOKUP_ROWS
    assert most * len(row) < LOOKUP_BYTES
    assert all(
        each.properties["parameters"].get("pageSize", {}).get("defaultValue", 0) <= most
        for each in PIPELINES.values()
    )


def test_a_text_in_a_query_cannot_end_it() -> None:
    for _, query in queries():
        for found in re.findall(r"N'@\{([^}]*)\}'", query):
            assert re.fullmatch(r"replace\([^,]+, '''', ''''''\)", found), found


def test_the_procedure_is_called_with_its_parameters_and_in_the_variant_alone() -> None:
    calling = [(n, p) for n, p in PLACES if p.activity["type"] == "SqlServerStoredProcedure"]
    assert [name for name, _ in calling] == ["formpipe_own_training_page"]
    known = calling[0][1].activity["typeProperties"]
    text = (ROOT / "sql" / "mssql" / "update_model_id.sql").read_text(encoding="utf-8")
    head = text[text.index("PROCEDURE update_model_id") : text.index("\nAS\n")]
    assert known["storedProcedureName"] == "update_model_id"
    assert set(known["storedProcedureParameters"]) == set(re.findall(r"@(\w+)", head))
    group = re.search(r"COALESCE\(NULLIF\(LTRIM\(RTRIM\(form_batch_group_id\)\), ''\), form_type\)", text)
    assert group is not None
    assert all(
        group[0] in query
        for where, query in queries()
        if where.endswith(("training/Find a page", "training_page/Find the rows"))
    )


# --- what is run --------------------------------------------------------------------------------------


def paging_of(name: str) -> list[dict[str, Any]]:
    """The outer activities of a pipeline without what it hands to the inner one."""
    activities: list[dict[str, Any]] = copy.deepcopy(PIPELINES[name].properties["activities"])
    for each in activities[0]["typeProperties"]["activities"]:
        if each["type"] == "ExecutePipeline":
            del each["typeProperties"]
    return activities


def test_the_variants_page_alike() -> None:
    """The pipeline that an activity calls cannot be an expression, so the outer one is there for each."""
    assert paging_of("formpipe_all") == paging_of("formpipe_all_python")


def test_the_python_activity_gives_the_command_options_that_it_has() -> None:
    (place,) = [p for _, p in PLACES if p.activity["type"] == "DatabricksSparkPython"]
    words = [re.sub(r"@\{[^}]*\}", "1", each) for each in place.activity["typeProperties"]["parameters"]]
    command: Any = get_command(app).commands[words.pop(0)]  # type: ignore[attr-defined]
    context = command.make_context("run", words)
    assert context.params["executor"] == "spark"
    assert context.params["output"] == "json"


def test_the_python_activity_installs_what_the_extras_are() -> None:
    (place,) = [p for _, p in PLACES if p.activity["type"] == "DatabricksSparkPython"]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = {each for name in ("azure", "databricks", "mssql") for each in extras[name]}
    libraries = place.activity["typeProperties"]["libraries"]
    assert {each["pypi"]["package"] for each in libraries if "pypi" in each} == wanted
    assert [each for each in libraries if "whl" in each] == [{"whl": "@{pipeline().parameters.wheel}"}]


def test_the_job_is_given_parameters_that_it_has() -> None:
    (place,) = [p for _, p in PLACES if p.activity["type"] == "DatabricksJob"]
    bundle = yaml.safe_load((ROOT / "config/databricks/resources/job.yml").read_text(encoding="utf-8"))
    (job,) = bundle["resources"]["jobs"].values()
    assert set(place.activity["typeProperties"]["jobParameters"]) == {
        each["name"] for each in job["parameters"]
    }


def test_the_cluster_of_the_python_activity_has_settings_and_secrets_that_there_are() -> None:
    known = of("linkedService")["formpipe_databricks_cluster"].properties["typeProperties"]
    variables: dict[str, str] = known["newClusterSparkEnvVars"]
    settings = {each for each in variables if each.startswith("FORMPIPE_")}
    assert settings <= {f"FORMPIPE_{name.upper()}" for name in Settings.model_fields}
    for name, value in variables.items():
        secret = re.fullmatch(r"\{\{secrets/formpipe/(\w+)\}\}", value)
        if secret is not None:
            assert name in names_of(secret[1])
    names = SecretNames()
    needed = (names.endpoint, names.key, names.training_account, names.training_sas, "DatabasePassword")
    assert all(set(names_of(each)) & set(variables) for each in needed)
    assert variables["FORMPIPE_DATABASE_PASSWORD_SECRET"] == "DatabasePassword"


# --- secrets and holes --------------------------------------------------------------------------------


def test_secrets_are_in_the_vault_alone() -> None:
    held = [each for each in of("linkedService").values() if each.name != "formpipe_key_vault"]
    for each in held:
        known = each.properties["typeProperties"]
        (secret,) = [value for value in known.values() if isinstance(value, dict) and "secretName" in value]
        assert secret["store"]["referenceName"] == "formpipe_key_vault"
    everything = "\n".join(chain(*(texts(each.content) for each in ALL)))
    assert not re.search(r"(?i)password=|pwd=|accountkey=|dapi[0-9a-f]|sig=", everything)


def test_the_page_names_every_hole_that_is_to_be_filled() -> None:
    page = (ROOT / "docs" / "scheduling-data-factory.md").read_text(encoding="utf-8")
    holes = set()
    for document in ALL:
        if document.kind != "pipeline":
            found = chain(*(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", text) for text in texts(document.content)))
            holes |= set(found)
    holes -= {"SINGLE_USER"}
    assert holes == {
        "CLUSTER_POLICY_ID",
        "DATABASE_ADDRESS",
        "DATABRICKS_HOST",
        "DATABRICKS_JOB_ID",
        "KEY_VAULT",
    }
    assert {each for each in holes if f"s|{each}|" in page} == holes
