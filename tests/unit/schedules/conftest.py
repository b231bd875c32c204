"""The files in config/ that schedule runs, and what they run."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import pytest
from typer.main import get_command

from pipeline.cli.main import app

CONFIG = Path(__file__).parents[3] / "config"


class Commands:
    """Command lines of `formpipe` are taken apart as the program would, and not carried out."""

    def parsed(self, line: list[str]) -> dict[str, object]:
        """The values of a command's parameters. Raises click.UsageError for a wrong one."""
        program, name, *rest = line
        assert Path(program).name == "formpipe"
        command, group = get_command(app), None
        while isinstance(command, click.Group) or hasattr(command, "commands"):
            group = command
            command = group.commands[name]  # type: ignore[attr-defined]
            if hasattr(command, "commands"):
                name, *rest = rest
        context = command.make_context(name, list(rest), resilient_parsing=False)
        return dict(context.params)

    def split(self, line: str) -> list[str]:
        return shlex.split(line)


@pytest.fixture
def commands() -> Commands:
    return Commands()
