"""The same on one machine: SQLite, a folder, the local engine in worker processes; documents differ in their
values."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from pipeline.demo import write_lake
from tests.acceptance.conftest import Project, new_project
from tests.chaos.scene import VICTIM

pytestmark = pytest.mark.xdist_group("chaos-local")

FORM_TYPE = "purchase_invoice"
SMALL = {"batch_documents": 1, "workers": 1}
POINTS = {"after-a-claim": 1, "after-a-result": 3, "inside-the-transaction": 1, "after-a-commit": 1}
PATIENCE = 60.0


@dataclass(frozen=True)
class Projects:
    """One without a model, one with a model and nothing scored, and the rows of an undisturbed run."""

    untrained: Project
    trained: Project
    rows: list[tuple[object, ...]]


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Projects:
    untrained = new_project(tmp_path_factory.mktemp("untrained"))
    write_lake(untrained.data, seed=3, training=6, backlog=5)
    backlog = untrained.data / "forms" / FORM_TYPE / "backlog"
    untrained.add_row(
        FORM_TYPE, f"{FORM_TYPE}/training", "later", locale="en-US", scoring_output_blob_folder="output"
    )
    later = untrained.data / "forms" / "later"
    later.mkdir()
    trained = untrained.copy(tmp_path_factory.mktemp("trained"))
    trained.formpipe("run")
    for project in (untrained, trained):
        for file in backlog.iterdir():
            (project.data / "forms" / "later" / file.name).write_bytes(file.read_bytes())
    undisturbed = trained.copy(tmp_path_factory.mktemp("undisturbed"))
    undisturbed.formpipe("run")
    assert outcomes(undisturbed) == {("done", None)}
    return Projects(untrained, trained, undisturbed.rows())


def outcomes(project: Project) -> set[tuple[object, ...]]:
    return set(project.sql("SELECT stage, claimed_by FROM document"))


def killed_at(project: Project, point: str, nth: int) -> None:
    """A run that dies at a named point."""
    command = [sys.executable, str(VICTIM), point, str(nth), str(project.folder / "point"), "--", "run"]
    ended = subprocess.run(
        command, cwd=project.folder, env=project.environment(**SMALL), capture_output=True, timeout=PATIENCE
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def wait_until(happened: Callable[[], object], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < until, "it never came"
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def faults(project: Project, expected: list[tuple[object, ...]]) -> list[str]:
    """What is wrong after a recovery."""
    found = [] if project.rows() == expected else ["the rows are not those of an undisturbed run"]
    if outcomes(project) != {("done", None)}:
        found.append("documents are held, or not done")
    if project.sql("SELECT 1 FROM run WHERE state = 'running'"):
        found.append("a run is left running")
    if project.sql("SELECT 1 FROM lease WHERE name LIKE 'run:%'"):
        found.append("the lease of a run is left")
    verified = project.formpipe("verify", expect=None)
    return found + ([verified.out] if verified.code else [])


@pytest.mark.parametrize("point", sorted(POINTS))
def test_killed_at_a_named_point_the_next_run_makes_it_whole(
    projects: Projects, tmp_path: Path, point: str
) -> None:
    project = projects.trained.copy(tmp_path)
    killed_at(project, point, POINTS[point])
    project.formpipe("run", **SMALL)
    assert faults(project, projects.rows) == []


def test_killed_twice_two_at_once_make_it_whole(projects: Projects, tmp_path: Path) -> None:
    project = projects.trained.copy(tmp_path)
    killed_at(project, "after-a-commit", 1)
    killed_at(project, "inside-the-transaction", 1)
    for process in [project.start("run", **SMALL) for _ in range(2)]:
        told = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, told
    assert faults(project, projects.rows) == []


def test_a_worker_that_is_killed_costs_nothing(projects: Projects, tmp_path: Path) -> None:
    project = projects.trained.copy(tmp_path)
    process = project.start("run", **SMALL)
    wait_until(lambda: project.sql("SELECT 1 FROM document WHERE stage = 'claimed'"), process)
    wait_until(lambda: workers(process), process)
    for worker in workers(process):
        worker.kill()
    told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, told
    assert faults(project, projects.rows) == []


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that read documents for a run."""
    children = psutil.Process(process.pid).children(recursive=True)
    return [each for each in children if any("spawn_main" in word for word in each.cmdline())]


def test_killed_while_training_the_next_run_trains_and_makes_it_whole(
    projects: Projects, tmp_path: Path
) -> None:
    project = projects.untrained.copy(tmp_path)
    process = project.start("run", **SMALL)
    wait_until(lambda: project.sql("SELECT 1 FROM model_version WHERE state = 'training'"), process)
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert project.sql("SELECT state FROM model_version") == [("training",)]
    project.formpipe("run", **SMALL)
    assert project.sql("SELECT count(*) FROM model_version WHERE state = 'active'") == [(1,)]
    assert faults(project, projects.rows) == []


def test_values_committed_apart_from_the_outcome_are_found_out(projects: Projects, tmp_path: Path) -> None:
    """With the one transaction taken out, the same checks fail."""
    project = projects.trained.copy(tmp_path)
    point = str(project.folder / "point")
    command = [sys.executable, str(VICTIM), "-", "1", point, "-m", "one-transaction", "--", "run"]
    subprocess.run(
        command, cwd=project.folder, env=project.environment(**SMALL), capture_output=True, timeout=PATIENCE
    )
    project.formpipe("run", expect=None, **SMALL)
    found = faults(project, projects.rows)
    assert "the rows are not those of an undisturbed run" in found
