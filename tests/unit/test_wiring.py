"""What wiring does beside putting things together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pipeline.wiring import sweep_scratch


def test_the_scratch_of_killed_runs_is_removed_and_that_of_others_kept(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    killed = tmp_path / f"formpipe-run-{process.pid}-abc"
    alive = tmp_path / f"formpipe-run-{os.getpid()}-abc"
    foreign = tmp_path / "formpipe-run-notes-abc"
    for folder in (killed, alive, foreign):
        folder.mkdir()
        (folder / "model").touch()
    sweep_scratch(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {alive.name, foreign.name}
