"""config/systemd, by systemd itself where it is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.settings import Settings
from tests.unit.schedules.conftest import CONFIG, Commands

UNITS = CONFIG / "systemd"
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd is not installed")


def directives(name: str) -> dict[str, list[str]]:
    """All directives of a unit by name; those that are given twice add up."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "[")):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.fixture
def units(tmp_path: Path) -> list[str]:
    """The units with a program that is there."""
    made = []
    for file in sorted(UNITS.iterdir()):
        copy = tmp_path / file.name
        text = file.read_text(encoding="utf-8")
        copy.write_text(text.replace("/opt/formpipe/bin/formpipe", sys.executable))
        made.append(str(copy))
    return made


@needs_systemd
def test_systemd_has_nothing_to_say_against_them(units: list[str]) -> None:
    assert ANALYZE
    done = subprocess.run([ANALYZE, "verify", "--man=no", *units], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_systemd_finds_the_service_little_exposed(units: list[str]) -> None:
    """Of 10; above 2 something of the hardening was lost."""
    assert ANALYZE
    command = [ANALYZE, "security", "--offline=true", "--threshold=20", units[0]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot judge a file")
    assert done.returncode == 0, done.stdout[-2000:]


def test_it_is_stopped_gently_and_in_time(commands: Commands) -> None:
    told = directives("formpipe.service")
    run = commands.parsed(commands.split(told["ExecStart"][0]))
    assert run["output"] == "json"
    minutes = run["max_minutes"]
    assert isinstance(minutes, float)
    (start,) = told["TimeoutStartSec"]
    grace = float(Settings.model_fields["grace_seconds"].default)
    assert minutes * 60 + grace < int(start.removesuffix("min")) * 60
    assert int(told["TimeoutStopSec"][0]) > grace
    assert told["KillMode"] == ["mixed"], "readers are the main process's to stop"
    assert told["SuccessExitStatus"] == ["130"]


def test_it_is_nobody_special_and_holds_no_secret() -> None:
    told = directives("formpipe.service")
    for name in ("DynamicUser", "NoNewPrivileges", "PrivateTmp", "ProtectHome", "RestrictSUIDSGID"):
        assert told[name] == ["yes"], name
    assert told["ProtectSystem"] == ["strict"]
    assert told["CapabilityBoundingSet"] == [""]
    assert told["EnvironmentFile"] == ["/etc/formpipe/environment"]
    assert told["Environment"] == ["HOME=/var/lib/formpipe"]
    assert "ProtectProc" not in told, "runs of other users would look dead"
