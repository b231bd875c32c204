"""The demo from beginning to end, against the generator's truth."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import ROOT, Project


@pytest.mark.long
def test_the_demo_is_right_and_scores_nothing_twice(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "bench" / "demo.py"), "--folder", str(tmp_path / "demo")]
    demo = Project(tmp_path)
    demo.formpipe("demo", "demo")
    measured = subprocess.run(command, env=demo.environment(), capture_output=True, text=True)
    assert measured.returncode == 0, measured.stdout + measured.stderr
    again = demo.formpipe("demo", "demo")
    assert "Nothing was scored twice" in again.out
    inside = Project(tmp_path / "demo")
    assert inside.sql("SELECT sum(loaded + partial + dead) FROM run_row WHERE run_id = 2") == [(0,)]
    inside.formpipe("verify")


@pytest.mark.long
def test_a_large_backlog_stays_small_in_memory(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "bench" / "backlog.py"), "--documents", "1000", "--scans", "0"]
    measured = subprocess.run(
        command, env=Project(tmp_path).environment(), cwd=tmp_path, capture_output=True, text=True
    )
    assert measured.returncode == 0, measured.stdout + measured.stderr
