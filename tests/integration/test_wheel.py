"""The wheel carries all it needs: installed into an empty environment, run from another folder."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: object, cwd: Path) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=kept, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("formpipe-*.whl")
    return built


def test_the_wheel_holds_the_data_the_program_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "pipeline/_data/config/services.toml" in names
    assert "pipeline/db/migrations/script.py.mako" in names
    assert any(name.endswith(".j2") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "bench/"))]


def test_the_installed_program_runs_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=tmp_path)
    formpipe = environment / "bin" / "formpipe"
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    assert "Ready in" in run(formpipe, "init", cwd=folder)
    assert "No form type yet" in run(formpipe, "plan", cwd=folder)
    run(formpipe, "run", cwd=folder)
    found = run(python, "-c", "import pipeline; print(pipeline.__file__)", cwd=folder)
    assert str(environment) in found
    text = folder / "hello.pdf"
    text.write_bytes(ONE_PAGE)
    assert "Hello" in run(formpipe, "layout", "--text", text, cwd=folder)


ONE_PAGE = b"""%PDF-1.4
1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj
2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj
3 0 obj <</Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R
 /Resources <</Font <</F 5 0 R>>>>>> endobj
4 0 obj <</Length 44>> stream
BT /F 24 Tf 40 100 Td (Hello from here) Tj ET
endstream endobj
5 0 obj <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>> endobj
trailer <</Root 1 0 R>>
"""
