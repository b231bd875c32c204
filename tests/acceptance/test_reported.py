"""Failures that users of other pipelines have reported, each by name. One is measured elsewhere: 6.5 million
blobs were listed until the process was killed for memory (bench/listing.py)."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.emulator.faults import FaultRule, Latency
from tests.acceptance.canned_row import fill, outcomes, point
from tests.acceptance.conftest import Project
from tests.azure.canned import PDF, Canned, running_can

VICTIM = Path(__file__).parents[1] / "chaos" / "victim.py"
QUICK = {"workers": 1, "poll_seconds": 0.1}


@pytest.fixture
def can(tmp_path: Path) -> Iterator[Canned]:
    with running_can(tmp_path / "service", limited=False) as running:
        yield running


@pytest.fixture
def pointed(project: Project, can: Canned) -> Project:
    return point(project, can, form_type="bills", parallelism=20)


def jobs(can: Canned) -> int:
    """Analyses that the service began, answered or not: each is paid."""
    return int(can.door.service.accepted.get("analyze", 0))


def wait_until(happened: Callable[[], object], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < until, "it never came"
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL


def killed_at(project: Project, point: str, nth: int, **settings: object) -> None:
    """A run that dies at a named point."""
    command = [sys.executable, str(VICTIM), point, str(nth), str(project.folder / "point"), "--", "run"]
    done = subprocess.run(
        command, cwd=project.folder, env=project.environment(**settings), capture_output=True, timeout=120
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


# --- 336 of 500 documents were lost, for a throttle was not retried -------------------------------------


@pytest.mark.parametrize(("documents", "refused"), [(50, 34), pytest.param(500, 336, marks=pytest.mark.long)])
def test_no_document_is_lost_to_throttles(
    pointed: Project, can: Canned, documents: int, refused: int
) -> None:
    """336 of 500 documents lost, for a 429 was not retried.

    Refused as often as there: two calls for three documents, and some say for how long.
    """
    asks = FaultRule(action="status", route="analyze", nth=(7, 70), status=429, retry_after=1)
    silent = FaultRule(action="status", route="analyze", status=429, probability=0.5, count=refused)
    can.faults(asks, silent)
    fill(pointed, documents)
    pointed.formpipe("run", **QUICK, service_rates="document-intelligence.analyze=500")
    assert can.calls("analyze", 429) >= refused
    assert outcomes(pointed) == [("done", "loaded", documents)]
    assert pointed.sql("SELECT max(attempts) FROM document") == [(1,)]
    assert jobs(can) == documents


# --- one upload was paid 3.36 times ---------------------------------------------------------------------


def test_no_upload_is_paid_again_by_runs_that_are_killed_and_repeated(pointed: Project, can: Canned) -> None:
    """One upload paid 3.36 times.

    Nothing is on its way to the service at these kills, so nothing at all is paid twice.
    """
    documents = 30
    can.faults(FaultRule(action="job-seconds", latency=Latency(seconds=3.0)))
    fill(pointed, documents)
    for _ in range(2):
        process = pointed.start("run", **QUICK)
        wait_until(lambda: with_the_service(pointed) >= 20, process)
        killed(process)
    can.faults()
    for process in [pointed.start("run", **QUICK) for _ in range(2)]:
        process.communicate(timeout=120)
        assert process.returncode == 0
    pointed.formpipe("run", **QUICK)
    assert outcomes(pointed) == [("done", "loaded", documents)]
    assert jobs(can) == documents


def with_the_service(project: Project) -> int:
    """Submits whose URL is committed, while none is between intent and answer."""
    states = dict(project.sql("SELECT state, count(*) FROM operation GROUP BY 1"))
    return 0 if states.get("intended") else int(states.get("submitted", 0))


# --- duplicates after a kill, even with a merge key -----------------------------------------------------


def test_a_kill_leaves_no_duplicates(trained: Project, lake: Path, tmp_path: Path) -> None:
    """Duplicates after a kill in the middle of a load, even with a merge key."""
    source = lake / "forms" / "purchase_invoice" / "backlog"
    shutil.copytree(source, trained.data / "forms" / "backlog", dirs_exist_ok=True)
    undisturbed = trained.copy(tmp_path / "undisturbed")
    undisturbed.formpipe("run")
    expected = undisturbed.rows()

    settings = {"batch_documents": 1, "workers": 1}
    killed_at(trained, "inside-the-transaction", 1, **settings)
    assert trained.sql("SELECT count(*) FROM field_value") == [(0,)]
    killed_at(trained, "after-a-commit", 1, **settings)
    assert trained.sql("SELECT count(*) FROM field_value") != [(0,)]
    trained.formpipe("run")
    trained.formpipe("run", "--rescore")
    assert trained.rows() == expected
    repeated = trained.sql("SELECT path FROM document GROUP BY form_type, path HAVING count(*) > 1")
    assert repeated == []
    documents = len(list(source.glob("*.pdf")))
    assert trained.sql("SELECT count(*) FROM forms_purchase_invoice") == [(documents,)]
    trained.formpipe("verify")


# --- rows stuck in "Running" for ever -------------------------------------------------------------------


@pytest.mark.parametrize("machine", ["this machine", pytest.param("another machine", marks=pytest.mark.long)])
def test_no_run_is_running_for_ever(pointed: Project, can: Canned, machine: str) -> None:
    """Rows that stay in "Running" after their process was killed, and block what they held.

    Of another machine only the lease can tell: it has expired when the next run begins.
    """
    can.faults(FaultRule(action="job-seconds", latency=Latency(seconds=6.0)))
    fill(pointed, 25)
    process = pointed.start("run", **QUICK)
    wait_until(lambda: with_the_service(pointed) >= 20, process)
    killed(process)
    assert pointed.sql("SELECT state FROM run") == [("running",)]
    assert pointed.sql("SELECT count(*) FROM document WHERE claimed_by IS NOT NULL") == [(25,)]
    if machine == "another machine":
        pointed.sql("UPDATE run SET holder = 'elsewhere:1:1:x'")
        pointed.sql("UPDATE lease SET holder = 'elsewhere:1:1:x', expires_at = '2020-01-01 00:00:00.000000'")

    can.faults()
    answer = pointed.formpipe("run", **QUICK)
    assert pointed.sql("SELECT state FROM run ORDER BY id") == [("lost",), ("finished",)]
    assert pointed.sql("SELECT finished_at IS NULL, reason IS NULL FROM run WHERE id = 1") == [(0, 0)]
    assert pointed.sql("SELECT count(*) FROM document WHERE claimed_by IS NOT NULL") == [(0,)]
    assert outcomes(pointed) == [("done", "loaded", 25)]
    assert "1 earlier runs had died" in answer.err
    assert jobs(can) == 25


# --- failures were reported as success ------------------------------------------------------------------


def test_a_document_that_failed_is_no_success(pointed: Project, can: Canned) -> None:
    """Failures reported as success: the exit code, the JSON, the table and the report all tell of them."""
    can.faults(FaultRule(action="fail", nth=(2,)))
    fill(pointed, 3)
    (pointed.data / "backlog" / "broken.pdf").write_bytes(b"%PDF-1.4\nnothing else")
    answer = pointed.formpipe("run", "--output", "json", **QUICK, expect=1)
    (told,) = answer.json["rows"]
    assert (told["documents"]["loaded"], told["documents"]["dead"]) == (2, 2)
    assert sum(failure["documents"] for failure in answer.json["failures"]) == 2
    assert pointed.sql("SELECT state, loaded, dead FROM run_row") == [("finished", 2, 2)]
    ended = pointed.sql("SELECT count(*) FROM document WHERE outcome = 'dead' AND reason IS NOT NULL")
    assert ended == [(2,)]
    shown = " ".join(pointed.formpipe("report").out.split())
    assert "listed unchanged loaded partial dead bills 4 0 2 0 2" in shown
    assert "--outcome dead" in shown, "it says how to see them"


def test_a_row_that_failed_is_no_success(pointed: Project, can: Canned) -> None:
    """Failures reported as success: a row that could do nothing.

    The key is not let in: nothing is loaded, and the backlog waits.
    """
    (pointed.folder / ".env").write_text(
        f"CognitiveServiceEndpoint={can.url}\nCognitiveServiceSubscriptionKey=of-another-tenant\n"
    )
    fill(pointed, 3)
    answer = pointed.formpipe("run", "--output", "json", **QUICK, expect=1)
    (told,) = answer.json["rows"]
    assert told["state"] == "failed"
    assert told["reason"]
    (stored,) = pointed.sql("SELECT state, loaded, reason FROM run_row")
    assert stored[:2] == ("failed", 0)
    assert json.dumps(answer.json).count("of-another-tenant") == 0
    assert pointed.sql("SELECT count(*) FROM document WHERE outcome IS NOT NULL") == [(0,)]


def test_a_document_without_values_is_no_success(trained: Project) -> None:
    """Failures reported as success: nothing was found, and the document was called loaded."""
    (trained.data / "forms" / "backlog" / "blank.pdf").write_bytes(PDF)
    trained.formpipe("run", expect=None)
    (ended,) = trained.sql("SELECT outcome, reason FROM document")
    assert ended[0] == "partial"
    assert ended[1]
    assert trained.sql("SELECT loaded, partial FROM run_row WHERE run_id = 2") == [(0, 1)]
