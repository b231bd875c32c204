"""What comes from outside is shown on a terminal, and never obeyed by it."""

from __future__ import annotations

import io
import json
import logging
import re

import pytest
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.cli.console import Answers, Tame
from pipeline.cli.tables import print_json, print_table
from pipeline.logs import JsonLines
from pipeline.printable import escaped, printable
from tests.acceptance.conftest import Project

HOSTILE = [
    "\x1b[2J\x1b[1;1Hgone.pdf",
    "\x1b]0;title\x07.pdf",
    "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\",
    "\x9b31mred",
    "a\rb\x08\x08c",
    "fdp.\u202eexe",
    "\x7f\x00",
    "half \ud800",
]
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_OWN = re.compile(r"\x1b\[[0-9;]*m")
"""Colours: all that a console writes of its own."""


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("kind", [Tame, Answers])
def test_no_console_lets_a_sequence_through(text: str, kind: type[Tame]) -> None:
    stream = io.StringIO()
    console = kind(file=stream, force_terminal=True, width=60)
    table = Table("name")
    table.add_row(text.replace("\ud800", ""))
    console.print(escape(text), Text(text, style="red"), table)
    print_table(("path", "reason"), [(text, text)], console)
    assert not _OBEYED.search(_OWN.sub("", stream.getvalue()))
    assert "gone.pdf" in stream.getvalue() or "gone" not in text


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_json_says_the_same_and_holds_nothing_to_obey(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"path": text})
    said = capsys.readouterr().out
    assert not _OBEYED.search(said)
    assert json.loads(said) == {"path": text}
    record = logging.LogRecord("formpipe", logging.INFO, "", 0, "row-failed", None, None)
    record.facts = {"path": text}
    assert json.loads(JsonLines().format(record))["path"] == text
    assert not _OBEYED.search(JsonLines().format(record))


def test_letters_of_every_script_are_shown_as_they_are() -> None:
    text = "größe 発注書 فاتورة 🧾\tx\n"
    assert printable(text) == text == escaped(text)


def test_a_document_named_by_an_escape_sequence_is_told_of_harmlessly(project: Project) -> None:
    backlog = project.data / "forms" / "in"
    backlog.mkdir(parents=True)
    (backlog / "\x1b[2J\x1b]0;x\x07.pdf").write_bytes(b"no document")
    project.add_row("bills", "training", "in", engine="local")
    for command in (("plan",), ("run",), ("status", "--outcome", "pending"), ("report",), ("verify",)):
        answer = project.formpipe(*command, expect=None)
        assert "\x1b" not in answer.out + answer.err, command
