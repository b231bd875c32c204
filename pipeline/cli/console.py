"""What commands share: where they print, and how an error ends them."""

from __future__ import annotations

from enum import IntEnum

from rich.console import Console, ConsoleDimensions

_WIDE = 200
"""Columns where nobody looks at a terminal: a pipe, a file, a log."""


class Answers(Console):
    """A console that is as wide as its terminal, and wide where it has none."""

    @property  # type: ignore[misc]  # nothing sets it here
    def size(self) -> ConsoleDimensions:
        size = super().size
        return size if self.is_terminal else ConsoleDimensions(max(_WIDE, size.width), size.height)


out = Answers(highlight=False, soft_wrap=True)
"""Standard output: the answer of a command."""

err = Console(stderr=True, highlight=False, soft_wrap=True)
"""Standard error: progress, warnings and errors."""


class Exit(IntEnum):
    """Exit codes of every command (documented in docs/commands.md)."""

    OK = 0
    ATTENTION = 1
    """Done, but something needs a person: dead or partial documents, faulty rows, differences found."""
    USAGE = 2
    IMPOSSIBLE = 3
    """Nothing could be done at all: settings, database, storage."""
    WORK = 10
    """`plan` only: a run would do something."""
    INTERRUPTED = 130
