"""Spark with executors of their own on PostgreSQL, one of which is killed in the middle."""

from __future__ import annotations

import shutil
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import create_engine, func, make_url, select

from pipeline.db.tables import document, field_value, lease, part, run, run_row
from pipeline.demo import write_lake
from tests.acceptance.conftest import Project
from tests.acceptance.test_spark import missing
from tests.databases.postgresql import Postgresql

DOCUMENTS = 120
PATIENCE = 600.0
MASTER = "local-cluster[2,1,1024]"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.xdist_group("spark"),
]

Rows = list[tuple[Any, ...]]


def query(url: str, statement: Any) -> Rows:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(statement)]
    finally:
        engine.dispose()


def rows(url: str) -> Rows:
    """Every document by path with its outcome and values, in a fixed order."""
    return query(
        url,
        select(document.c.path, document.c.outcome, document.c.pages, field_value.c.field,
               field_value.c.occurrence, field_value.c.source, field_value.c.text, field_value.c.value_number)
        .outerjoin(part, part.c.document_id == document.c.id)
        .outerjoin(field_value, field_value.c.part_id == part.c.id)
        .order_by(document.c.path, field_value.c.field, field_value.c.occurrence),
    )  # fmt: skip


def count(url: str, *where: Any) -> int:
    return int(query(url, select(func.count()).select_from(document).where(*where))[0][0])


def left_behind(url: str) -> dict[str, int]:
    return {
        "claims": count(url, document.c.claimed_by.is_not(None)),
        "open": count(url, document.c.stage != "done"),
        "runs": len(query(url, select(run.c.id).where(run.c.state == "running"))),
        "leases": len(query(url, select(lease.c.name).where(lease.c.name.like("run:%")))),
    }


def executors(parent: int) -> list[psutil.Process]:
    """The processes in which Spark's workers run tasks."""
    found = []
    for child in psutil.Process(parent).children(recursive=True):
        try:
            if any(word.endswith("CoarseGrainedExecutorBackend") for word in child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def wait_until(happened: Callable[[], object], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < until, "it never came"
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)


def fill(project: Project, lake: Path) -> None:
    """Drawn forms over and over, no two files equal."""
    drawn = sorted((lake / "forms" / "purchase_invoice" / "backlog").glob("*.pdf"))
    for number in range(DOCUMENTS):
        content = drawn[number % len(drawn)].read_bytes() + f"% copy {number}\n".encode()
        (project.data / "forms" / "backlog" / f"{number:04}.pdf").write_bytes(content)


def trained(folder: Path, postgresql: Postgresql) -> tuple[Project, str, str]:
    """A project with a model, and two databases that are the same."""
    write_lake(folder / "lake", seed=3, training=6, backlog=8)
    project, url = Project(folder / "project"), postgresql.create()
    training = "purchase_invoice/training"
    shutil.copytree(folder / "lake" / "forms" / training, project.data / "forms" / training)
    (project.data / "forms" / "backlog").mkdir()
    row = ["params", "add", "purchase_invoice", "--container", "forms", "--training", training]
    project.formpipe(*row, "--backlog", "backlog", "--locale", "en-US", database_url=url)
    project.formpipe("run", database_url=url)
    fill(project, folder / "lake")
    other = f"t_{uuid.uuid4().hex}"
    postgresql.execute(f"CREATE DATABASE {other} TEMPLATE {make_url(url).database}")
    return project, url, postgresql.url(other)


def test_an_executor_is_killed_and_every_row_is_there_once(tmp_path: Path, postgresql: Postgresql) -> None:
    project, url, other = trained(tmp_path, postgresql)
    project.formpipe("run", database_url=other, workers=1)
    spark = project.start(
        "run", "--executor", "spark", "--master", MASTER, database_url=url, batch_documents=5
    )
    wait_until(lambda: count(url, document.c.outcome.is_not(None)) >= 10, spark)
    victims = executors(spark.pid)
    assert len(victims) == 2
    for each in (victims[0], *victims[0].children(recursive=True)):  # as when its machine dies
        each.kill()
    out, err = spark.communicate(timeout=PATIENCE)
    assert spark.returncode == 0, (out, err)
    assert rows(url) == rows(other)
    assert count(url, document.c.outcome == "loaded") == DOCUMENTS
    assert left_behind(url) == {"claims": 0, "open": 0, "runs": 0, "leases": 0}
    hands = query(url, select(run.c.state).where(run.c.parent_id.is_not(None)))
    assert ("lost",) in hands
    whole = select(run.c.id).where(run.c.parent_id.is_(None)).order_by(run.c.id.desc()).limit(1)
    told = query(url, select(run_row.c.loaded).where(run_row.c.run_id == whole.scalar_subquery()))
    assert told == [(DOCUMENTS,)]
    for each in (url, other):
        postgresql.drop(each)
