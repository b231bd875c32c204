"""config/cron: what cron and logrotate are given."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.unit.schedules.conftest import CONFIG, Commands

CRONTAB = (CONFIG / "cron" / "formpipe").read_text(encoding="utf-8")
ENTRY = re.compile(r"^((?:\S+ ){5})(\S+) (.+)$")
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def entries() -> list[tuple[list[str], str, str]]:
    lines = [line for line in CRONTAB.splitlines() if line and not line.startswith("#")]
    found = [ENTRY.match(line) for line in lines if not re.match(r"^[A-Z]+=", line)]
    assert all(found)
    return [(match[1].split(), match[2], match[3]) for match in found if match]


def test_cron_can_read_every_line() -> None:
    assert len(entries()) == 2
    assert CRONTAB.endswith("\n"), "cron leaves out a last line without an end"
    for times, user, command in entries():
        for told, (low, high) in zip(times, RANGES, strict=True):
            assert told == "*" or low <= int(told) <= high
        assert user == "formpipe", "not root"
        assert "%" not in command, "cron makes line ends of them"


def test_the_commands_are_ours_and_end_before_the_next_begins(commands: Commands) -> None:
    told = [re.search(r"&& (formpipe [^>]*?) *>", command) for _, _, command in entries()]
    run, verify = [commands.parsed(commands.split(match[1])) for match in told if match]
    minutes = run["max_minutes"]
    assert isinstance(minutes, float)
    assert 0 < minutes < 60
    assert run["output"] == verify["output"] == "json"


@pytest.mark.parametrize(("code", "mails"), [(0, False), (1, True), (3, True), (130, True)])
def test_cron_mails_only_what_needs_somebody(tmp_path: Path, code: int, mails: bool) -> None:
    """The line as cron runs it: by sh, its folders moved."""
    program = tmp_path / "formpipe"
    program.write_text(f"#!/bin/sh\necho '{{}}'\necho event >&2\nexit {code}\n")
    program.chmod(0o755)
    line = entries()[0][2]
    for folder in ("/var/lib/formpipe", "/var/log/formpipe"):
        line = line.replace(folder, str(tmp_path))
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(["/bin/sh", "-c", line], env=environment, capture_output=True, text=True)
    assert (f"ended with {code}" in done.stdout) is mails
    assert bool(done.stdout + done.stderr) is mails
    assert (tmp_path / "runs.jsonl").read_text() == "{}\n"
    assert (tmp_path / "log.jsonl").read_text() == "event\n"


def test_logs_are_rotated_where_cron_writes_them() -> None:
    told = (CONFIG / "cron" / "logrotate").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"^(/\S+) \{$", told, re.M)
    written = set(re.findall(r">>(\S+)", CRONTAB))
    assert written
    assert all(Path(name).match(pattern) for name in written)
    assert "copytruncate" in told, "a run keeps its files open"
