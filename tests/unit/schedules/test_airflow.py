"""config/airflow, imported and taken apart by a real Airflow: that of this environment, or of the Python that
FORMPIPE_TEST_AIRFLOW names. `FORMPIPE_TEST_AIRFLOW=... pytest -m long` also runs the DAG."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from pipeline.demo import write_lake
from tests.unit.schedules.conftest import CONFIG, Commands

DAG = CONFIG / "airflow" / "formpipe_dag.py"
PYTHON = os.environ.get("FORMPIPE_TEST_AIRFLOW") or (sys.executable if find_spec("airflow") else None)
needs_airflow = pytest.mark.skipif(
    PYTHON is None, reason="Airflow 3 is not installed: name a Python that has it in FORMPIPE_TEST_AIRFLOW"
)

IMPORTED = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("formpipe_dag", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
dag, run = module.dag, module.dag.get_task("run")
partial = run.partial_kwargs
print(json.dumps({
    "tasks": {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks},
    "dag": [dag.dag_id, dag.schedule, dag.max_active_runs, dag.catchup, dag.dagrun_timeout.total_seconds()],
    "command": partial["bash_command"],
    "append_env": partial["append_env"],
    "timeout": partial["execution_timeout"].total_seconds(),
    "minutes": module.MINUTES,
    "mapped": sorted(task.task_id for task in dag.tasks if task.is_mapped),
}))
"""

TESTED = """
import importlib.util, json, os, sys
path = os.path.join(os.environ["AIRFLOW_HOME"], "dags", "formpipe_dag.py")
spec = importlib.util.spec_from_file_location("formpipe_dag", path)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
run = module.dag.test()
for ti in run.get_task_instances():
    told = ti.xcom_pull(task_ids="run", map_indexes=ti.map_index) if ti.task_id == "run" else None
    print("TOLD", json.dumps([ti.task_id, ti.map_index, str(ti.state), told]))
"""


def airflow(folder: Path, *arguments: str, **more: str) -> str:
    home = folder / "airflow"
    (home / "dags").mkdir(parents=True, exist_ok=True)
    shutil.copy(DAG, home / "dags")
    environment = {**os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", **more}
    assert PYTHON
    done = subprocess.run(
        [PYTHON, *arguments], env=environment, cwd=folder, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    told = airflow(tmp_path_factory.mktemp("airflow"), "-c", IMPORTED, str(DAG))
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    return found


@needs_airflow
def test_a_task_for_each_form_type_and_one_that_judges_it(imported: dict[str, Any]) -> None:
    assert imported["tasks"] == {"form_types": ["run"], "run": ["judge"], "judge": []}
    assert imported["mapped"] == ["judge", "run"]
    dag_id, schedule, at_once, catchup, _ = imported["dag"]
    assert (dag_id, schedule, at_once, catchup) == ("formpipe", "5 * * * *", 1, False)


@needs_airflow
def test_a_run_ends_before_airflow_ends_it(imported: dict[str, Any], commands: Commands) -> None:
    command, _, rest = imported["command"].partition(" || ")
    run = commands.parsed(commands.split(command))
    assert (run["form_type"], run["output"]) == (["$FORM_TYPE"], "json")
    assert run["max_minutes"] == imported["minutes"]
    assert rest == "[ $? -eq 1 ]"
    assert imported["minutes"] * 60 + 30 < imported["timeout"] < imported["dag"][-1]
    assert imported["append_env"], "settings and secrets are the worker's"


@needs_airflow
@pytest.mark.long
def test_airflow_runs_it(tmp_path: Path) -> None:
    """One form type that goes well, one that needs a person: both have a summary, the second is judged."""
    from tests.acceptance.conftest import new_project

    (tmp_path / "project").mkdir()
    project = new_project(tmp_path / "project")
    write_lake(project.data, seed=3, training=6, backlog=4)
    folders = ("purchase_invoice/training", "purchase_invoice/backlog")
    project.add_row("purchase_invoice", *folders, locale="en-US")
    project.add_row("unhappy", "nothing/here", "b")
    project.add_row("resting", "nothing/here", "b", enabled=0)
    command = f"{sys.executable} -m pipeline.cli.main"
    more = {"AIRFLOW_FORMPIPE_COMMAND": command, "AIRFLOW_FORMPIPE_FOLDER": str(project.folder)}
    more |= {"PYTHONPATH": str(CONFIG.parent)}
    airflow(tmp_path, "-m", "airflow", "db", "migrate")
    lines = airflow(tmp_path, "-c", TESTED, **more).splitlines()
    told = [json.loads(line.removeprefix("TOLD ")) for line in lines if line.startswith("TOLD ")]
    states = {(task, index): state for task, index, state, _ in told}
    summaries = {s["rows"][0]["form_type"]: (index, s) for task, index, _, s in told if task == "run"}
    assert set(summaries) == {"purchase_invoice", "unhappy"}
    good, bad = summaries["purchase_invoice"], summaries["unhappy"]
    assert (good[1]["exit_code"], bad[1]["exit_code"]) == (0, 1)
    assert good[1]["totals"]["documents"]["listed"] == 4
    assert (states["judge", good[0]], states["judge", bad[0]]) == ("success", "failed")


def test_no_secret_and_no_setting_is_in_the_dag() -> None:
    """`FORMPIPE_` variables of a worker are settings: those of the DAG are called otherwise."""
    names = [node.value for node in ast.walk(ast.parse(DAG.read_text())) if isinstance(node, ast.Constant)]
    texts = [name for name in names if isinstance(name, str)]
    assert not [text for text in texts if text.startswith("FORMPIPE_")]
    assert not [text for text in texts if "password" in text.lower() or "://" in text]
