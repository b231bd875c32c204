"""The contract of a scheduled run: exit codes, and one JSON document on standard output."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.acceptance.canned_row import fill as fill_backlog
from tests.acceptance.canned_row import point
from tests.acceptance.conftest import COMMAND, ROOT, Answer, Project
from tests.azure.canned import running_can

SCHEMA = json.loads((ROOT / "config" / "run-summary.schema.json").read_text(encoding="utf-8"))
DOCUMENTS = (
    "listed",
    "loaded",
    "partial",
    "dead",
    "unrouted",
    "gone",
    "reused",
    "routed",
    "retried",
    "left_over",
)


def checked(answer: Answer) -> Any:
    """The one document on standard output, after its schema."""
    assert answer.out.count("\n") == 1, "one line: the last one is all a scheduler may keep"
    told = answer.json
    checker = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
    checker.validate(told)
    assert told["exit_code"] == answer.code
    return told


def forms(lake: Path) -> list[Path]:
    return sorted((lake / "forms" / "purchase_invoice" / "backlog").glob("*.pdf"))


def fill(project: Project, lake: Path, count: int) -> None:
    backlog = project.data / "forms" / "backlog"
    found = forms(lake)
    for number in range(count):
        shutil.copy(found[number % len(found)], backlog / f"{number:04}.pdf")


def agrees(project: Project, told: Any) -> None:
    """What is told is what the database has."""
    columns = ", ".join(f"sum({name})" for name in DOCUMENTS)
    run_id = told["run"]["id"]
    (stored,) = project.sql(f"SELECT {columns} FROM run_row WHERE run_id = {run_id}")
    assert tuple(told["totals"]["documents"][name] for name in DOCUMENTS) == stored
    (counts,) = project.sql(f"SELECT sum(pages), sum(field_values) FROM run_row WHERE run_id = {run_id}")
    assert (told["totals"]["pages"], told["totals"]["values"]) == counts
    assert project.sql(f"SELECT state FROM run WHERE id = {run_id}") == [(told["run"]["state"],)]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_run_that_went_well(trained: Project, lake: Path) -> None:
    fill(trained, lake, 3)
    answer = trained.formpipe("run", "-f", "purchase_invoice", "--output", "json", expect=0)
    told = checked(answer)
    (row,) = told["rows"]
    assert (row["form_type"], row["engine"], row["model_version"]) == ("purchase_invoice", "local", 1)
    assert row["documents"]["loaded"] + row["documents"]["partial"] == 3
    assert row["cost"] is None
    assert (told["run"]["state"], told["over_time"], told["left_over"]) == ("finished", False, 0)
    assert row["pages"] == trained.sql("SELECT sum(pages) FROM document")[0][0]
    agrees(trained, told)


def test_what_needs_a_person_is_exit_code_1(trained: Project) -> None:
    (trained.data / "forms" / "backlog" / "broken.pdf").write_bytes(b"%PDF-1.4\nnothing else")
    trained.add_row("wrong", "t", "b", locale="no locale")
    told = checked(trained.formpipe("run", "--output", "json", expect=1))
    assert [fault["row"] for fault in told["faults"]] == ["wrong"]
    (failure,) = told["failures"]
    assert (failure["form_type"], failure["outcome"], failure["documents"]) == ("purchase_invoice", "dead", 1)
    assert failure["reason"] == trained.sql("SELECT reason FROM document")[0][0]
    assert told["totals"]["rows"] == {"finished": 1, "skipped": 1, "stopped": 0, "failed": 0}
    agrees(trained, told)


def test_a_failed_row_is_exit_code_1(project: Project) -> None:
    project.add_row("bills", "nothing/here", "b")
    (row,) = checked(project.formpipe("run", "--output", "json", expect=1))["rows"]
    assert (row["state"], row["model_version"]) == ("failed", None)
    assert row["reason"]


@pytest.mark.parametrize(
    ("arguments", "settings", "reason"),
    [
        ((), {"workers": 0}, "settings"),
        ((), {"no_such_setting": 1}, "settings"),
        (("-f", "nothing_like_it"), {}, "unknown-form-type"),
        ((), {"database_url": "sqlite:////no/such/folder/formpipe.db"}, None),
    ],
)
def test_a_run_that_cannot_begin_is_exit_code_3_and_json_too(
    project: Project, arguments: tuple[str, ...], settings: dict[str, Any], reason: str | None
) -> None:
    answer = project.formpipe("run", *arguments, "--output", "json", expect=3, **settings)
    error = checked(answer)["error"]
    assert error["reason"] == (reason or error["reason"])
    assert error["message"]
    assert answer.err, "a person reads the log"


def test_without_json_an_error_is_on_standard_error_only(project: Project) -> None:
    answer = project.formpipe("run", expect=3, workers=0)
    assert not answer.out
    assert "workers" in answer.err


@pytest.mark.parametrize("wrong", [("--max-minutes", "0"), ("--max-minutes", "soon"), ("--no-such-option",)])
def test_a_wrong_command_line_is_exit_code_2_and_leaves_standard_output_empty(
    project: Project, wrong: tuple[str, ...]
) -> None:
    assert not project.formpipe("run", "--output", "json", *wrong, expect=2).out


def test_a_run_whose_time_is_over_is_finished_and_says_what_it_left(trained: Project, lake: Path) -> None:
    """The next run goes on; nothing was lost, and no attempt was spent."""
    fill(trained, lake, 400)
    trained.add_row("later", "purchase_invoice/training", "later", priority=900)
    (trained.data / "forms" / "later").mkdir()
    answer = trained.formpipe("run", "--max-minutes", "0.05", "--output", "json", expect=0, workers=1)
    told = checked(answer)
    agrees(trained, told)
    rows = {row["form_type"]: row for row in told["rows"]}
    assert (told["run"]["state"], told["over_time"]) == ("finished", True)
    assert rows["later"]["state"] == "skipped"
    assert rows["later"]["reason"] == "over-time: the run's max_minutes 0.05 were over before its turn"
    row = rows["purchase_invoice"]
    assert row["state"] == "finished"
    assert row["reason"].startswith("over-time: stopped at the run's max_minutes 0.05: ")
    done = row["documents"]["loaded"] + row["documents"]["partial"]
    (waiting,) = trained.sql("SELECT count(*), sum(attempts) FROM document WHERE stage = 'pending'")
    assert waiting == (told["left_over"], 0)
    assert row["documents"]["left_over"] == told["left_over"]
    if row["documents"]["listed"] == 400:  # a slow machine may not come to the end of the listing
        assert done + told["left_over"] == 400
    assert told["run"]["seconds"] < 30
    assert trained.sql("SELECT count(*) FROM document WHERE claimed_by IS NOT NULL") == [(0,)]


def test_the_time_of_a_run_is_a_setting_too(trained: Project, lake: Path) -> None:
    fill(trained, lake, 200)
    told = checked(trained.formpipe("run", "-o", "json", expect=0, run_max_minutes=0.02, workers=1))
    assert told["over_time"]
    assert told["left_over"] > 0


@pytest.mark.parametrize("group", [False, True])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_is_exit_code_130(
    trained: Project, lake: Path, number: int, group: bool
) -> None:
    """SIGTERM is what Kubernetes and systemd send, to the process; a terminal and Airflow signal its group.
    What was in flight is finished, and costs no attempt."""
    fill(trained, lake, 400)
    command = [*COMMAND, "run", "--output", "json"]
    process = subprocess.Popen(
        command,
        cwd=trained.folder,
        env=trained.environment(workers=1),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        for _ in range(600):
            if trained.sql("SELECT count(*) FROM document WHERE stage = 'done'")[0][0]:
                break
            time.sleep(0.1)
        (os.killpg if group else os.kill)(process.pid, number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    told = checked(Answer(process.returncode, out, err))
    assert (told["exit_code"], told["run"]["state"], told["over_time"]) == (130, "stopped", False)
    assert [row["state"] for row in told["rows"]] == ["stopped"]
    assert trained.sql("SELECT sum(attempts) FROM document WHERE stage = 'pending'") == [(0,)]
    assert told["totals"]["documents"]["retried"] == 0
    agrees(trained, told)
    assert trained.sql("SELECT count(*) FROM document WHERE claimed_by IS NOT NULL") == [(0,)]


def test_what_a_service_has_when_the_time_is_over_is_taken_by_the_next_run_and_paid_once(
    project: Project, tmp_path: Path
) -> None:
    quick = {"workers": 1, "poll_seconds": 0.1}
    with running_can(tmp_path / "service", limited=False) as can:
        point(project, can, form_type="bills", parallelism=5)
        fill_backlog(project, 12)
        can.faults(can.latency(median=15, sigma=0.01))
        told = checked(project.formpipe("run", "-o", "json", "--max-minutes", "0.08", **quick))
        (row,) = told["rows"]
        assert (row["state"], told["over_time"], told["left_over"]) == ("finished", True, 12)
        assert "5 documents are with the service, and paid" in row["reason"]
        assert told["run"]["seconds"] < 30, "nobody waits for the service"
        stages = project.sql("SELECT stage, count(*), sum(attempts) FROM document GROUP BY 1 ORDER BY 1")
        assert stages == [("pending", 7, 0), ("submitted", 5, 0)]
        can.faults()
        again = checked(project.formpipe("run", "-o", "json", **quick))
        assert (again["over_time"], again["left_over"]) == (False, 0)
        assert project.sql("SELECT DISTINCT stage FROM document") == [("done",)]
        assert can.door.service.accepted["analyze"] == 12
