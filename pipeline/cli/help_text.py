"""Help texts as they are to be shown: paragraphs flow with the width of the terminal."""

from __future__ import annotations

import inspect

import typer


def flow(app: typer.Typer) -> None:
    """Have the help of every command below `app` break its lines where the terminal ends, not where the
    docstring does: typer keeps the breaks of all paragraphs but the first."""
    for command in app.registered_commands:
        if command.callback is not None:
            text = command.help or command.callback.__doc__ or ""
            command.help = flowing(text)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            flow(group.typer_instance)


def flowing(text: str) -> str:
    """A docstring with one line per paragraph."""
    return "\n\n".join(" ".join(each.split()) for each in inspect.cleandoc(text).split("\n\n"))
