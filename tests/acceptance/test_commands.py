"""The commands beside `run`, as a person uses them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import COMMAND, Project

HTML = "<html>not a form</html>"


def test_retry_brings_dead_documents_back(trained: Project, lake: Path) -> None:
    file = trained.data / "forms" / "backlog" / "a.pdf"
    file.write_text(HTML)
    trained.formpipe("run", expect=1)
    assert trained.sql("SELECT outcome, reason FROM document") == [("dead", "unsupported-content")]
    answer = trained.formpipe("retry", "--form-type", "purchase_invoice", "--reason", "unsupported-content")
    assert "1 document" in answer.out
    plan = trained.formpipe("plan", "--output", "json", expect=10).json["rows"][0]
    assert (plan["again"], plan["new"]) == (1, 0)
    trained.formpipe("run", expect=1)
    assert trained.sql("SELECT outcome, attempts FROM document") == [("dead", 1)]


def test_retry_of_another_reason_changes_nothing(trained: Project) -> None:
    (trained.data / "forms" / "backlog" / "a.pdf").write_text(HTML)
    trained.formpipe("run", expect=1)
    assert "0 documents" in trained.formpipe("retry", "-f", "purchase_invoice", "--reason", "other").out


def test_verify_finds_what_was_done_behind_its_back(trained: Project, lake: Path) -> None:
    source = sorted((lake / "forms/purchase_invoice/backlog").iterdir())
    for file in source[:3]:
        shutil.copy(file, trained.data / "forms" / "backlog")
    trained.formpipe("run")
    trained.formpipe("verify")
    (trained.data / "forms" / "backlog" / source[0].name).unlink()
    trained.sql("DELETE FROM field_value WHERE part_id = (SELECT max(id) FROM part)")
    assert len(trained.formpipe("verify", "--output", "json", expect=1).json) >= 2


def test_layout_of_a_file_in_three_ways(trained: Project, lake: Path) -> None:
    file = str(sorted((lake / "forms/purchase_invoice/backlog").glob("*.pdf"))[0])
    assert "words" in trained.formpipe("layout", file).out
    assert "Invoice" in trained.formpipe("layout", file, "--text").out
    body = trained.formpipe("layout", file, "--output", "json").json
    assert body["analyzeResult"]["readResults"][0]["lines"]


@pytest.mark.parametrize(("content", "reason"), [(b"", "empty-file"), (b"GIF89a", "unsupported-content")])
def test_layout_of_what_is_no_document_is_one_line(project: Project, content: bytes, reason: str) -> None:
    (project.folder / "x.pdf").write_bytes(content)
    answer = project.formpipe("layout", "x.pdf", expect=3)
    assert reason in answer.err
    assert "Traceback" not in answer.err


def test_init_leaves_alone_what_is_there(project: Project) -> None:
    config = project.folder / "formpipe.toml"
    config.write_text(config.read_text() + "\nworkers = 1\n")
    project.add_row("kept", "a", "b")
    project.formpipe("init")
    assert "workers = 1" in config.read_text()
    assert project.sql("SELECT form_type FROM form_type") == [("kept",)]


def test_a_folder_without_a_database_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "plan"], cwd=tmp_path, env=Project(tmp_path).environment(), capture_output=True, text=True
    )
    assert done.returncode == 3
    assert "formpipe db upgrade" in done.stderr or "formpipe init" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_wrong_settings_are_named_without_their_values(project: Project) -> None:
    answer = project.formpipe("plan", expect=3, workers="many-secrets")
    assert "workers" in answer.err
    assert "many-secrets" not in answer.err


def test_status_report_and_models_answer_as_json(trained: Project) -> None:
    for command in (["status"], ["report"], ["models", "list"], ["doctor"], ["params", "list"]):
        answer = trained.formpipe(*command, "--output", "json", expect=None)
        assert answer.code in (0, 1), answer
        json.loads(answer.out)


def test_the_html_report_is_one_file(trained: Project) -> None:
    trained.formpipe("report", "--html", "report.html")
    page = (trained.folder / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_the_help_is_fast() -> None:
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", "import pipeline.cli.main"],
                          capture_output=True, text=True)  # fmt: skip
    heavy = {"sklearn", "cv2", "onnxruntime", "rapidocr", "scipy", "pypdfium2"}
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not heavy & loaded
