"""config/databricks: the bundle against the dataclasses of databricks-sdk, with every reference filled in;
the cluster against its policy; the notebook run with a cluster's utility stood in for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from databricks.sdk.service import compute, jobs, workspace
from typer.main import get_command

from pipeline.cli.main import app, main
from pipeline.secrets.environment import names_of
from pipeline.settings import Settings
from pipeline.types import SecretNames
from tests.azure.adf_pipelines import documents

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "config" / "databricks"
_REFERENCE = re.compile(r"\$\{([^}]+)\}")
GIVEN = {
    "bundle.target": "prod",
    "workspace.file_path": "/Workspace/Shared/.bundle/formpipe/prod/files",
    "var.database_url": "mssql+pyodbc://formpipe@db.example/forms?driver=ODBC+Driver+18+for+SQL+Server",
    "var.key_vault_dns_name": "https://forms.vault.azure.net/",
    "var.key_vault_resource_id": "/subscriptions/0/resourceGroups/f/providers/Microsoft.KeyVault/vaults/v",
    "var.cluster_policy": "0000000000000000",
}
"""What a deployment gives."""


@pytest.fixture(scope="module")
def bundle() -> dict[str, Any]:
    """The files as one document, as the command puts them together."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / "databricks.yml").read_text(encoding="utf-8"))
    for pattern in found["include"]:
        for file in sorted(FOLDER.glob(pattern)):
            for kind, named in yaml.safe_load(file.read_text(encoding="utf-8"))["resources"].items():
                found.setdefault("resources", {}).setdefault(kind, {}).update(named)
    return found


def at(document: Any, path: str) -> Any:
    for word in path.split("."):
        document = document[word]
    return document


def referred(bundle: dict[str, Any], name: str) -> Any:
    if name in GIVEN:
        return GIVEN[name]
    if name.startswith("var."):
        return bundle["variables"][name.removeprefix("var.")]["default"]
    return filled(bundle, at(bundle, name))


def filled(bundle: dict[str, Any], value: Any) -> Any:
    """With every reference replaced: one that is the whole text keeps its type. KeyError for none."""
    if isinstance(value, dict):
        return {key: filled(bundle, each) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(bundle, each) for each in value]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole is not None:
        return referred(bundle, whole[1])
    return _REFERENCE.sub(lambda found: str(referred(bundle, found[1])), value)


@pytest.fixture(scope="module")
def resources(bundle: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = filled(bundle, bundle["resources"])
    return found


@pytest.fixture(scope="module")
def job(resources: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = resources["jobs"]["formpipe"]
    return found


@pytest.fixture(scope="module")
def cluster(job: dict[str, Any]) -> dict[str, Any]:
    (only,) = job["job_clusters"]
    found: dict[str, Any] = only["new_cluster"]
    return found


def wheel_tasks(job: dict[str, Any]) -> list[dict[str, Any]]:
    looped = [each["for_each_task"]["task"] for each in job["tasks"] if "for_each_task" in each]
    return [each for each in [*job["tasks"], *looped] if "python_wheel_task" in each]


# --- the bundle ---------------------------------------------------------------------------------------


def test_the_files_hold_what_a_bundle_holds(bundle: dict[str, Any]) -> None:
    assert set(bundle) == {"bundle", "include", "variables", "targets", "resources"}
    assert set(bundle["resources"]) == {"jobs", "secret_scopes"}
    assert [name for name, each in bundle["targets"].items() if each.get("default")] == ["dev"]
    for each in bundle["variables"].values():
        assert set(each) <= {"description", "default", "lookup"} and each["description"]


def test_every_reference_leads_to_something(bundle: dict[str, Any]) -> None:
    filled(bundle, {"resources": bundle["resources"], "targets": bundle["targets"]})
    with pytest.raises(KeyError):
        filled(bundle, "${var.no_such_variable}")
    with pytest.raises(KeyError):
        filled(bundle, "${resources.secret_scopes.other.name}")


def test_every_variable_is_used_and_what_has_no_default_is_given(bundle: dict[str, Any]) -> None:
    text = "".join(each.read_text(encoding="utf-8") for each in FOLDER.rglob("*.yml"))
    assert [name for name in bundle["variables"] if f"${{var.{name}}}" not in text] == []
    without = {f"var.{name}" for name, each in bundle["variables"].items() if "default" not in each}
    assert without == {name for name in GIVEN if name.startswith("var.")}


def test_the_job_makes_the_round_trip_through_the_models(job: dict[str, Any]) -> None:
    assert jobs.JobSettings.from_dict(job).as_dict() == job


@pytest.mark.parametrize("change", ["polcy_id", "data_security_mode"])
def test_a_job_that_is_wrong_does_not(job: dict[str, Any], change: str) -> None:
    wrong = json.loads(json.dumps(job))
    wrong["job_clusters"][0]["new_cluster"][change] = "SINGLE"
    assert jobs.JobSettings.from_dict(wrong).as_dict() != wrong


def test_the_scope_makes_the_round_trip_and_has_the_vault_behind_it(resources: dict[str, Any]) -> None:
    scope = resources["secret_scopes"]["formpipe"]
    assert workspace.SecretScope.from_dict(scope).as_dict() == scope
    assert scope["backend_type"] == "AZURE_KEYVAULT"
    assert scope["keyvault_metadata"]["dns_name"] == GIVEN["var.key_vault_dns_name"]


def test_who_runs_it_in_production_may_read_the_scope(bundle: dict[str, Any]) -> None:
    production = bundle["targets"]["prod"]
    (permission,) = production["resources"]["secret_scopes"]["formpipe"]["permissions"]
    assert permission["service_principal_name"] == production["run_as"]["service_principal_name"]
    assert workspace.AclPermission(permission["level"]) is workspace.AclPermission.READ
    assert set(production["resources"]["secret_scopes"]) <= set(bundle["resources"]["secret_scopes"])


# --- the job ------------------------------------------------------------------------------------------


def test_tasks_wait_for_ones_there_are_and_run_where_there_is_a_cluster(job: dict[str, Any]) -> None:
    keys = {each["task_key"] for each in job["tasks"]}
    waited = {each["task_key"] for task in job["tasks"] for each in task.get("depends_on", [])}
    assert waited <= keys
    assert {each["job_cluster_key"] for each in wheel_tasks(job)} == {
        each["job_cluster_key"] for each in job["job_clusters"]
    }


def test_either_every_form_type_is_run_or_those_that_are_named(job: dict[str, Any]) -> None:
    tasks = {each["task_key"]: each for each in job["tasks"]}
    condition = tasks["all_of_them"]["condition_task"]
    defaults = {each["name"]: each["default"] for each in job["parameters"]}
    assert condition["left"] == "{{job.parameters.form_types}}"
    assert condition["right"] == defaults["form_types"] == json.dumps([])
    assert tasks["every_form_type"]["depends_on"][0]["outcome"] == "true"
    assert tasks["named_form_types"]["depends_on"][0]["outcome"] == "false"
    assert tasks["named_form_types"]["for_each_task"]["inputs"] == condition["left"]


def test_parameters_are_declared_and_used(job: dict[str, Any]) -> None:
    used = set(re.findall(r"\{\{job\.parameters\.(\w+)\}\}", json.dumps(job)))
    assert used == {each["name"] for each in job["parameters"]}


def test_the_wheels_tasks_give_the_command_options_that_it_has(job: dict[str, Any]) -> None:
    given = {}
    for task in wheel_tasks(job):
        wheel = task["python_wheel_task"]
        scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
        assert wheel["package_name"] == "formpipe" and wheel["entry_point"] in scripts
        words = [re.sub(r"\{\{input\}\}", "invoices", each) for each in wheel["parameters"]]
        words = [re.sub(r"\{\{job\.parameters\.max_minutes\}\}", "50", each) for each in words]
        command: Any = get_command(app).commands[words.pop(0)]  # type: ignore[attr-defined]
        given[task["task_key"]] = command.make_context("run", words).params
    assert {name: list(each["form_type"] or ()) for name, each in given.items()} == {
        "every_form_type": [],
        "form_type": ["invoices"],
    }
    assert all(each["executor"] == "spark" and each["output"] == "json" for each in given.values())
    assert all(float(each["max_minutes"]) == 50 for each in given.values())


def test_a_cluster_gets_the_wheel_and_what_its_extras_are(job: dict[str, Any]) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = {each for name in ("azure", "databricks", "mssql") for each in extras[name]}
    for task in wheel_tasks(job):
        libraries = task["libraries"]
        assert {each["pypi"]["package"] for each in libraries if "pypi" in each} == wanted
        assert [each["whl"] for each in libraries if "whl" in each] == ["../dist/*.whl"]
    ignored = (FOLDER / ".gitignore").read_text().split()
    assert "dist/" in ignored


def test_as_many_runs_at_once_as_data_factory_begins(job: dict[str, Any]) -> None:
    page = next(each for each in documents() if each.name == "formpipe_page")
    loop = next(each for each in page.properties["activities"] if each["type"] == "ForEach")
    assert job["max_concurrent_runs"] >= loop["typeProperties"]["batchCount"]
    assert job["queue"]["enabled"] is True


# --- the cluster --------------------------------------------------------------------------------------


def test_settings_are_ones_there_are_and_secrets_come_from_the_scope(cluster: dict[str, Any]) -> None:
    variables: dict[str, str] = cluster["spark_env_vars"]
    settings = {each for each in variables if each.startswith("FORMPIPE_")}
    assert settings <= {f"FORMPIPE_{name.upper()}" for name in Settings.model_fields}
    secrets = {
        name: re.fullmatch(r"\{\{secrets/formpipe/([\w-]+)\}\}", value) for name, value in variables.items()
    }
    held = {name: found[1] for name, found in secrets.items() if found is not None}
    assert set(held) == set(variables) - settings
    assert all(variable in names_of(secret) for variable, secret in held.items())
    names = SecretNames()
    needed = {names.endpoint, names.key, names.training_account, names.training_sas}
    assert set(held.values()) == needed | {variables["FORMPIPE_DATABASE_PASSWORD_SECRET"]}
    assert variables["FORMPIPE_DATABRICKS_SECRET_SCOPE"] == "formpipe"


def test_no_secret_is_in_a_file() -> None:
    for file in FOLDER.rglob("*"):
        if file.is_file():
            text = file.read_text(encoding="utf-8")
            assert not re.search(r"(?i)dapi[0-9a-f]{8}|accountkey=|sig=|password=[^\"\s]", text), file


def test_the_init_script_is_there_and_is_one(cluster: dict[str, Any]) -> None:
    (script,) = cluster["init_scripts"]
    path = script["workspace"]["destination"].removeprefix(f"{GIVEN['workspace.file_path']}/")
    assert (FOLDER / path).read_text(encoding="utf-8").startswith("#!/bin/bash\n")
    bash = shutil.which("bash")
    assert bash is not None
    assert subprocess.run([bash, "-n", FOLDER / path], timeout=20, check=False).returncode == 0


POLICY: dict[str, dict[str, Any]] = json.loads((FOLDER / "cluster-policy.json").read_text(encoding="utf-8"))
_KINDS = {
    "fixed": {"value"},
    "allowlist": {"values"},
    "range": set(),
    "regex": {"pattern"},
}
"""Kinds of rules that the policy uses, and what each must have (Databricks, "Compute policy reference")."""
_MAY_HAVE = {
    "range": {"minValue", "maxValue", "defaultValue"},
    "allowlist": {"defaultValue"},
    "regex": {"defaultValue"},
}


def allowed(rule: dict[str, Any], value: Any) -> bool:
    if rule["type"] == "fixed":
        return bool(value == rule["value"])
    if rule["type"] == "allowlist":
        return value in rule["values"]
    if rule["type"] == "regex":
        return re.fullmatch(rule["pattern"], value) is not None
    low, high = rule.get("minValue", -(10**9)), rule.get("maxValue", 10**9)
    return isinstance(value, int) and low <= value <= high


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from flat(each, f"{path}.{key}".lstrip("."))
    else:
        yield path, value


@pytest.mark.parametrize("path", POLICY)
def test_a_rule_of_the_policy_is_whole_and_allows_its_own_default(path: str) -> None:
    rule = dict(POLICY[path])
    kind = rule.pop("type")
    assert _KINDS[kind] <= set(rule) <= _KINDS[kind] | _MAY_HAVE.get(kind, set())
    if "defaultValue" in rule:
        assert allowed(POLICY[path], rule["defaultValue"])


def test_the_policy_rules_what_a_cluster_has() -> None:
    known = compute.ClusterSpec()
    nested = {"autoscale": compute.AutoScale(), "azure_attributes": compute.AzureAttributes()}
    for path in set(POLICY) - {"cluster_type", "dbus_per_hour"}:  # words of policies alone
        first, _, rest = path.partition(".")
        assert hasattr(known, first), path
        assert first not in nested or hasattr(nested[first], rest), path


def test_the_job_keeps_to_the_policy(cluster: dict[str, Any]) -> None:
    values = dict(flat(cluster))
    ruled = [path for path in values if path in POLICY]
    assert len(ruled) == len(POLICY) - 2
    assert [path for path in ruled if not allowed(POLICY[path], values[path])] == []
    assert not allowed(POLICY["autoscale.max_workers"], 1_000)


def test_the_cluster_of_data_factory_keeps_to_the_policy() -> None:
    service = next(each for each in documents() if each.name == "formpipe_databricks_cluster")
    known = service.properties["typeProperties"]
    least, most = (int(each) for each in known["newClusterNumOfWorker"].split(":"))
    given = {
        "spark_version": known["newClusterVersion"],
        "node_type_id": known["newClusterNodeType"],
        "data_security_mode": known["dataSecurityMode"],
        "autoscale.min_workers": least,
        "autoscale.max_workers": most,
        "custom_tags.purpose": known["newClusterCustomTags"]["purpose"],
    }
    assert [path for path, value in given.items() if not allowed(POLICY[path], value)] == []


# --- the notebook, and the file of a Python activity --------------------------------------------------


class EndedError(Exception):
    """What `dbutils.notebook.exit` does: the rest is not run."""


class Utility:
    """Stands for a cluster's `dbutils`: widgets that were given values, and the answer of the notebook."""

    def __init__(self, **given: str) -> None:
        self._values = given
        self.answer: str | None = None
        self.widgets = self.notebook = self

    def text(self, name: str, default: str, _label: str) -> None:
        self._values.setdefault(name, default)

    def dropdown(self, name: str, default: str, choices: list[str], _label: str) -> None:
        assert default in choices
        self.text(name, default, _label)

    def get(self, name: str) -> str:
        return self._values[name]

    def exit(self, answer: str) -> None:
        self.answer = answer
        raise EndedError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["formpipe", "init"])
    main()
    return tmp_path


def performed(monkeypatch: pytest.MonkeyPatch, **given: str) -> Utility:
    utility = Utility(**given)
    runtime = types.ModuleType("databricks.sdk.runtime")
    runtime.dbutils = utility  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "databricks.sdk.runtime", runtime)
    cells = (FOLDER / "formpipe_notebook.py").read_text(encoding="utf-8").split("# COMMAND ----------")
    namespace: dict[str, Any] = {}
    try:
        for cell in cells:
            exec(compile(cell, "formpipe_notebook.py", "exec"), namespace)
    except EndedError:
        pass
    return utility


def test_the_notebook_is_one_of_databricks() -> None:
    text = (FOLDER / "formpipe_notebook.py").read_text(encoding="utf-8")
    assert text.startswith("# Databricks notebook source\n")
    assert text.count("\n# COMMAND ----------\n") == 3


def test_the_notebook_answers_with_the_summary_of_the_run(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    answer = performed(monkeypatch, executor="local").answer
    assert answer is not None
    summary = json.loads(answer)
    assert summary["exit_code"] == 0
    assert json.loads(capsys.readouterr().out) == summary


def test_the_notebook_fails_where_the_run_needs_a_person(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit) as caught:
        performed(monkeypatch, executor="local", form_type="no_such_form_type")
    assert caught.value.code


def test_the_file_of_a_python_activity_is_the_command(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, FOLDER / "formpipe_task.py", "run", "--output", "json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=project,
    )
    assert (done.returncode, json.loads(done.stdout)["exit_code"]) == (0, 0)
