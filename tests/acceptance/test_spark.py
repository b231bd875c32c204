"""`formpipe run --executor spark` on this machine: the same rows, whatever happens to Spark's processes."""

from __future__ import annotations

import importlib.util
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from pipeline.errors import RunError
from pipeline.executors.spark import require_java
from tests.acceptance.canned_row import fill as fill_canned
from tests.acceptance.canned_row import point
from tests.acceptance.conftest import Project
from tests.azure.canned import running_can

COPIES = 3
PATIENCE = 120.0


def missing() -> str | None:
    """Why there is no Spark here."""
    if importlib.util.find_spec("pyspark") is None:
        return "no pyspark: pip install 'formpipe[spark]'"
    try:
        require_java(os.environ)
    except RunError as error:
        return str(error)
    return None


pytestmark = [
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.xdist_group("spark"),
]


def fill(project: Project, lake: Path, copies: int = COPIES) -> int:
    """The drawn backlog several times over, no two files equal; how many."""
    drawn = sorted((lake / "forms" / "purchase_invoice" / "backlog").glob("*.pdf"))
    for file in drawn:
        for copy in range(copies):
            content = file.read_bytes() + f"% copy {copy}\n".encode()
            (project.data / "forms" / "backlog" / f"{file.stem}-{copy}.pdf").write_bytes(content)
    return len(drawn) * copies


def left_behind(project: Project) -> list[tuple[object, ...]]:
    return project.sql(
        "SELECT 'claims', count(*) FROM document WHERE claimed_by IS NOT NULL UNION ALL "
        "SELECT 'runs', count(*) FROM run WHERE state = 'running' UNION ALL "
        "SELECT 'leases', count(*) FROM lease WHERE name LIKE 'run:%'"
    )


NOTHING = [("claims", 0), ("runs", 0), ("leases", 0)]


def python_workers(parent: int) -> list[psutil.Process]:
    """Spark's, below a process: those that hold a hand have a reader process below them."""
    found = []
    for child in psutil.Process(parent).children(recursive=True):
        try:
            if any("spawn_main" in word for word in child.cmdline()):
                above = child.parent()
                if above is not None and any("pyspark" in word for word in above.cmdline()):
                    found.append(above)
        except psutil.NoSuchProcess:
            continue
    return found


def test_the_same_rows_as_the_local_executor_though_a_worker_is_killed(
    trained: Project, lake: Path, tmp_path: Path
) -> None:
    count = fill(trained, lake)
    local = trained.copy(tmp_path / "local")
    local.formpipe("run", workers=1)
    spark = trained.start("run", "--executor", "spark", "--master", "local[2]", "--output", "json")
    victims: list[psutil.Process] = []
    until = time.monotonic() + PATIENCE
    while not victims and spark.poll() is None:
        assert time.monotonic() < until
        victims = python_workers(spark.pid)
        time.sleep(0.02)
    assert victims, spark.communicate()
    os.kill(victims[0].pid, signal.SIGKILL)
    out, err = spark.communicate(timeout=PATIENCE)
    assert spark.returncode == 0, (out, err)
    assert trained.rows() == local.rows()
    assert len({row[1] for row in trained.rows()}) == count
    assert left_behind(trained) == NOTHING
    states = dict(trained.sql("SELECT state, count(*) FROM run WHERE parent_id IS NOT NULL GROUP BY 1"))
    assert states["lost"] == 1
    assert states["finished"] >= 2
    whole = "SELECT id FROM run WHERE parent_id IS NULL"
    told = trained.sql(f"SELECT sum(loaded + partial) FROM run_row WHERE run_id IN ({whole})")
    assert told == [(count,)]
    assert trained.sql(f"SELECT count(*) FROM document WHERE run_id NOT IN ({whole})") == [(0,)]
    assert "Traceback" not in out


@pytest.mark.long
def test_ctrl_c_ends_it_cleanly(trained: Project, lake: Path) -> None:
    fill(trained, lake, 20)
    spark = trained.start("run", "--executor", "spark", "--master", "local[2]", grace_seconds=5)
    until = time.monotonic() + PATIENCE
    while not trained.sql("SELECT id FROM document WHERE outcome IS NOT NULL"):
        assert time.monotonic() < until
        assert spark.poll() is None, spark.communicate()
        time.sleep(0.1)
    spark.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, err = spark.communicate(timeout=60)
    assert spark.returncode == 130, (out, err)
    assert time.monotonic() - began < 30
    assert "Traceback" not in err
    assert left_behind(trained) == NOTHING
    assert [row[0] for row in trained.sql("SELECT state FROM run WHERE parent_id IS NULL")][-1] == "stopped"


@pytest.mark.long
def test_a_service_is_asked_once_for_each_document_within_its_rate(project: Project, tmp_path: Path) -> None:
    """By hands in two processes, which share its calls; a limit on pages holds for both together."""
    documents, most = 40, 25
    with running_can(tmp_path / "can") as can:
        point(project, can, max_pages_per_run=most, parallelism=10)
        fill_canned(project, documents)
        spark = ("run", "--executor", "spark", "--master", "local[2]")
        told = project.formpipe(*spark, poll_seconds=0.2).out
        assert can.door.service.accepted["analyze"] == most
        assert f"stopped at max_pages_per_run {most}" in told
        assert project.sql("SELECT count(*) FROM document WHERE outcome = 'loaded'") == [(most,)]
        project.formpipe(*spark, poll_seconds=0.2)
        assert can.door.service.accepted["analyze"] == documents
    assert project.sql("SELECT count(*) FROM document WHERE outcome = 'loaded'") == [(documents,)]
    whole = "SELECT id FROM run WHERE parent_id IS NULL"
    paid = project.sql(f"SELECT cost, pages FROM run_row WHERE run_id IN ({whole}) ORDER BY run_id")
    assert [(float(cost), pages) for cost, pages in paid] == [(0.75, 25), (0.45, 15)]
    assert left_behind(project) == NOTHING
