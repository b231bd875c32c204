"""Whatever lies in a backlog, a run ends, every document is accounted for, and memory is bounded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.demo import write_lake
from tests.acceptance.conftest import Project, new_project
from tests.fuzz.documents import FORMS, Mutant, mutant

SEED = int(os.environ.get("FORMPIPE_TEST_FUZZ_SEED", "20261121"))
PROCESS_MB, WORKER_MB = 400, 900
_SETTINGS = {
    "workers": 2,
    "render_dpi": 72,
    "max_pages": 3,
    "read_timeout_seconds": 20,
    "reader_memory_mb": 700,
    "retry_delay_seconds": 0,
}
_COUNT = """
import io, json, sys
import pypdfium2
from PIL import Image

def pages(path):
    content = open(path, "rb").read()
    try:
        return len(pypdfium2.PdfDocument(content))
    except pypdfium2.PdfiumError:
        return getattr(Image.open(io.BytesIO(content)), "n_frames", 1)

print(json.dumps({path: pages(path) for path in json.load(sys.stdin)}))
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a model, as small as it can be made."""
    lake = tmp_path_factory.mktemp("lake")
    write_lake(lake, seed=3, training=4, backlog=1)
    project = new_project(tmp_path_factory.mktemp("project"))
    training = "purchase_invoice/training"
    shutil.copytree(lake / "forms" / training, project.data / "forms" / training)
    (project.data / "forms" / "backlog").mkdir()
    project.add_row("purchase_invoice", training, "backlog", locale="en-US", retrain="never", max_attempts=1)
    project.sql("UPDATE form_type SET model_id = '-1'")
    project.formpipe("run", **_SETTINGS)
    return project


def test_whatever_lies_in_a_backlog(trained: Project, tmp_path: Path) -> None:
    _fuzz(trained.copy(tmp_path / "p"), range(300))


@pytest.mark.long
def test_whatever_lies_in_a_backlog_many_times(trained: Project, tmp_path: Path) -> None:
    _fuzz(trained.copy(tmp_path / "p"), range(1_000, 6_000))


def _fuzz(project: Project, numbers: Iterable[int]) -> None:
    if not FORMS.is_dir():
        warnings.warn("the real forms (../shared/forms) are not on this machine: without them", stacklevel=1)
    mutants = {number: mutant(SEED, number) for number in numbers}
    for each in mutants.values():
        (project.data / "forms" / "backlog" / f"{each.number:06}").write_bytes(each.content)
    peaks = _run(project)
    documents = {int(Path(row[0]).name): row[1:] for row in project.sql(_DOCUMENTS)}
    reasons = Counter(f"{outcome or stage}:{reason}" for stage, outcome, reason, _ in documents.values())
    print(f"seed {SEED}: {len(mutants)} mutants, {dict(reasons)}; memory {peaks}")  # noqa: T201
    assert not [each.recipe for number, each in mutants.items() if number not in documents]
    assert not [_told(mutants[n], row) for n, row in documents.items() if not _accounted(*row)]
    assert not _pages_lost(project, documents, mutants)
    assert peaks["process"] < PROCESS_MB
    assert peaks["worker"] < WORKER_MB
    project.formpipe("verify")


_DOCUMENTS = "SELECT path, stage, outcome, reason, pages FROM document"


def _run(project: Project) -> dict[str, int]:
    """Run, and look at how much memory the process and its largest worker had, in MiB."""
    peaks, over = {"process": 0, "worker": 0}, threading.Event()
    process = project.start("run", "--output", "json", **_SETTINGS)

    def look() -> None:
        while not over.wait(0.1):
            try:
                own = psutil.Process(process.pid)
                sizes = [child.memory_info().rss for child in own.children(recursive=True)]
                peaks["process"] = max(peaks["process"], own.memory_info().rss >> 20)
                peaks["worker"] = max([peaks["worker"], *(size >> 20 for size in sizes)])
            except psutil.Error:
                continue

    watch = threading.Thread(target=look, daemon=True)
    watch.start()
    try:
        out, err = process.communicate(timeout=3000)
    finally:
        process.kill()
        over.set()
        watch.join()
    assert process.returncode in (0, 1), err[-3000:]
    assert json.loads(out)["run"]["state"] == "finished"
    return peaks


def _accounted(stage: str, outcome: str | None, reason: str | None, pages: int | None) -> bool:
    if stage != "done" or reason in ("unexpected-error", "worker-died"):
        return False
    return bool(pages) if outcome == "loaded" else outcome in ("partial", "dead") and bool(reason)


def _told(each: Mutant, row: Any) -> str:
    return f"{each.recipe} -> {row}"


def _pages_lost(project: Project, documents: Mapping[int, Any], mutants: Mapping[int, Mutant]) -> list[str]:
    """Documents that are said to be read as a whole and have more pages than that, by another count."""
    read = {n: row for n, row in documents.items() if row[1] == "loaded" or row[2] == "empty-extraction"}
    folder = project.data / "forms" / "backlog"
    counted = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _COUNT],
        input=json.dumps([str(folder / f"{number:06}") for number in read]),
        capture_output=True,
        text=True,
        check=True,
    )
    pages = {int(Path(path).name): count for path, count in json.loads(counted.stdout).items()}
    return [f"{_told(mutants[n], row)}, {pages[n]} pages" for n, row in read.items() if row[3] != pages[n]]
