"""What a data engineer does all day: plan, run, run again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.types import FieldSpec
from pipeline.values import equal
from tests.acceptance.conftest import Project


def fill(project: Project, lake: Path, *form_types: str) -> None:
    for form_type in form_types:
        source = lake / "forms" / form_type
        shutil.copytree(source, project.data / "forms" / form_type, dirs_exist_ok=True)
        project.add_row(
            form_type,
            f"{form_type}/training",
            f"{form_type}/backlog",
            scoring_output_blob_folder=f"{form_type}/output",
            locale="en-US",
        )


def backlog(project: Project, lake: Path) -> None:
    """Put the invoices to score into the backlog of a trained project."""
    source = lake / "forms" / "purchase_invoice" / "backlog"
    shutil.copytree(source, project.data / "forms" / "backlog", dirs_exist_ok=True)


def test_a_row_is_all_it_takes(project: Project, lake: Path) -> None:
    fill(project, lake, "purchase_invoice", "supplier_registration")
    plan = project.formpipe("plan", "--output", "json", expect=10).json
    assert [(row["training"], row["documents"]) for row in plan["rows"]] == [("train", 8), ("train", 8)]
    assert plan["rows"][0]["training_reason"] == "first model"

    project.formpipe("run")
    outcomes = project.sql("SELECT outcome, count(*) FROM document GROUP BY 1")
    assert outcomes == [("loaded", 16)]
    assert project.sql("SELECT count(*) FROM forms_purchase_invoice") == [(8,)]
    ids = project.sql("SELECT model_id FROM form_type ORDER BY 1")
    assert ids == [("local-purchase_invoice-v1",), ("local-supplier_registration-v1",)]
    outputs = list((project.data / "forms" / "purchase_invoice" / "output").iterdir())
    assert len(outputs) == 8
    assert json.loads(outputs[0].read_text())["analyzeResult"]["documentResults"]
    project.formpipe("verify")
    assert share_right(project, lake, "purchase_invoice", "supplier_registration") >= 0.85

    rows = project.rows()
    again = project.formpipe("plan", "--output", "json", expect=0).json
    assert "unchanged" in again["rows"][0]["training_reason"]
    assert "all 8 documents were scored before" in again["rows"][0]["reason"]
    project.formpipe("run")
    assert project.rows() == rows
    assert project.sql("SELECT sum(loaded) FROM run_row WHERE run_id = 2") == [(0,)]


def test_only_what_changed_is_done_again(trained: Project, lake: Path) -> None:
    backlog(trained, lake)
    trained.formpipe("run")
    folder = trained.data / "forms" / "backlog"
    names = sorted(folder.iterdir())
    shutil.copy(names[1], names[0])
    names[2].unlink()
    shutil.copy(names[3], folder / "new one.pdf")
    trained.formpipe("run")
    done = trained.sql("SELECT path, outcome FROM document WHERE run_id = 3 OR outcome = 'gone' ORDER BY 1")
    assert trained.sql("SELECT count(*) FROM forms_purchase_invoice") == [(9,)]
    assert sorted(done) == sorted(
        [(f"backlog/{names[0].name}", "loaded"), (f"backlog/{names[2].name}", "gone"),
         ("backlog/new one.pdf", "loaded")]
    )  # fmt: skip


def test_a_changed_training_set_is_trained_again_and_scored_only_when_asked(
    trained: Project, lake: Path
) -> None:
    backlog(trained, lake)
    trained.formpipe("run")
    training = trained.data / "forms" / "purchase_invoice" / "training"
    for file in sorted(training.glob("*_t001*")):
        file.unlink()
    plan = trained.formpipe("plan", "--output", "json", expect=10).json["rows"][0]
    assert plan["training"] == "train"
    assert "1 form removed since version 1" in plan["training_reason"]
    trained.formpipe("run")
    versions = trained.sql("SELECT version, state FROM model_version ORDER BY 1")
    assert versions in ([(1, "retired"), (2, "active")], [(1, "active"), (2, "candidate")])
    assert trained.formpipe("plan", "--output", "json", expect=0).json["rows"][0]["documents"] == 0
    trained.formpipe("models", "promote", "purchase_invoice", "2")
    assert trained.formpipe("plan", "--rescore", "--output", "json", expect=10).json["rows"][0]["again"] == 8
    trained.formpipe("run", "--rescore")
    used = trained.sql(
        "SELECT v.version, count(*) FROM document d"
        " JOIN model_version v ON v.id = d.model_version_id GROUP BY 1"
    )
    assert used == [(2, 8)]


def test_a_run_that_is_killed_ends_in_the_same_rows(trained: Project, lake: Path, tmp_path: Path) -> None:
    backlog(trained, lake)
    for copy in range(4):
        for file in list((lake / "forms/purchase_invoice/backlog").iterdir()):
            shutil.copy(file, trained.data / "forms" / "backlog" / f"{copy}-{file.name}")
    undisturbed = trained.copy(tmp_path / "undisturbed")
    undisturbed.formpipe("run")

    settings = {"batch_documents": 2, "workers": 1}
    for more in (4, 8, 8):
        least = done(trained) + more
        process = trained.start("run", **settings)
        wait_for(trained, least)
        process.kill()
        process.communicate()
    assert 0 < done(trained) < 40
    trained.formpipe("run")
    assert trained.rows() == undisturbed.rows()
    assert trained.sql("SELECT state, count(*) FROM run GROUP BY 1 ORDER BY 1") == [
        ("finished", 2),
        ("lost", 3),
    ]
    trained.formpipe("verify")


def test_ctrl_c_stops_cleanly_and_the_next_run_goes_on(trained: Project, lake: Path) -> None:
    for copy in range(5):
        for file in list((lake / "forms/purchase_invoice/backlog").iterdir()):
            shutil.copy(file, trained.data / "forms" / "backlog" / f"{copy}-{file.name}")
    process = trained.start("run", batch_documents=2, workers=1)
    wait_for(trained, 4)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert 4 <= done(trained) < 40
    assert trained.sql("SELECT state FROM run ORDER BY id DESC LIMIT 1") == [("stopped",)]
    trained.formpipe("run")
    assert done(trained) == 40


def test_a_training_that_outlasts_the_grace_is_given_up(project: Project, lake: Path) -> None:
    fill(project, lake, "purchase_invoice")
    process = project.start("run", grace_seconds=1, workers=1)
    wait_until(lambda: project.sql("SELECT count(*) FROM model_version WHERE state = 'training'") == [(1,)])
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert time.monotonic() - started < 30
    assert "Traceback" not in err
    project.formpipe("run")
    assert project.sql("SELECT state FROM model_version ORDER BY version") == [("invalid",), ("active",)]


def test_a_second_signal_gives_up_at_once(trained: Project, lake: Path) -> None:
    for copy in range(5):
        for file in list((lake / "forms/purchase_invoice/backlog").iterdir()):
            shutil.copy(file, trained.data / "forms" / "backlog" / f"{copy}-{file.name}")
    process = trained.start("run", batch_documents=2, workers=1)
    wait_for(trained, 4)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    trained.formpipe("run")
    assert done(trained) == 40


def test_two_runs_at_once_do_the_work_once(trained: Project, lake: Path) -> None:
    backlog(trained, lake)
    both = [trained.start("run"), trained.start("run")]
    ends = [process.communicate(timeout=300) for process in both]
    assert {process.returncode for process in both} == {0}, ends
    assert trained.sql("SELECT outcome, attempts, count(*) FROM document GROUP BY 1, 2") == [("loaded", 1, 8)]


def test_an_unknown_form_type_is_an_error_with_a_way_out(trained: Project) -> None:
    answer = trained.formpipe("run", "--form-type", "purchase_invoices", expect=3)
    assert "did you mean purchase_invoice?" in answer.err
    assert "formpipe params list" in answer.err


def test_a_faulty_row_is_shown_and_the_others_run(trained: Project, lake: Path) -> None:
    backlog(trained, lake)
    trained.add_row("broken", "../outside", "backlog", locale="xx-nowhere")
    answer = trained.formpipe("run", expect=1)
    assert "training_blob_root_folder" in answer.err
    assert "locale" in answer.err
    assert done(trained) == 8


def test_a_row_without_training_forms_fails_alone(trained: Project, lake: Path) -> None:
    backlog(trained, lake)
    (trained.data / "forms" / "empty").mkdir()
    trained.add_row("empty", "empty", "none")
    trained.formpipe("run", expect=1)
    states = trained.sql("SELECT form_type, state FROM run_row WHERE run_id = 2 ORDER BY 1")
    assert states == [("empty", "failed"), ("purchase_invoice", "finished")]


def test_off_a_terminal_progress_is_one_json_line_per_event(trained: Project, lake: Path) -> None:
    backlog(trained, lake)
    answer = trained.formpipe("run")
    events = [json.loads(line) for line in answer.err.splitlines()]
    assert {"score-progress", "row-finished"} <= {event["event"] for event in events}


def share_right(project: Project, lake: Path, *form_types: str) -> float:
    """The share of the lake's true values that were found, compared as texts (a layout of each form type
    was never trained on)."""
    lines = (lake / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [entry for entry in map(json.loads, lines) if entry["folder"] == "backlog"]
    found = {
        (path, field): text
        for path, field, text in project.sql(
            "SELECT d.path, v.field, v.text FROM field_value v"
            " JOIN part p ON p.id = v.part_id JOIN document d ON d.id = p.document_id"
        )
    }
    right = [
        equal(found.get((entry["path"], field), ""), text, FieldSpec(field))
        for entry in entries
        if entry["form_type"] in form_types
        for field, text in entry["fields"].items()
    ]
    return sum(right) / len(right)


def done(project: Project) -> int:
    return int(project.sql("SELECT count(*) FROM document WHERE stage = 'done'")[0][0])


def wait_for(project: Project, least: int) -> None:
    wait_until(lambda: done(project) >= least)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_module_runs_from_any_folder(trained: Project) -> None:
    assert os.fspath(trained.folder)
    assert "Commands" in trained.formpipe("--help").out
