"""What commands share: where they print, and how an error ends them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderableType
from rich.segment import Segment

from pipeline.printable import printable

_WIDE = 200
"""Columns where nobody looks at a terminal: a pipe, a file, a log."""


class Tame(Console):
    """A console on which names and messages from outside are shown and never obeyed: a blob may be called
    by an escape sequence."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)


class Answers(Tame):
    """A console that is as wide as its terminal, and wide where it has none."""

    @property  # type: ignore[misc]  # nothing sets it here
    def size(self) -> ConsoleDimensions:
        size = super().size
        return size if self.is_terminal else ConsoleDimensions(max(_WIDE, size.width), size.height)


out = Answers(highlight=False, soft_wrap=True, force_jupyter=False)
"""Standard output: the answer of a command."""

err = Tame(stderr=True, highlight=False, soft_wrap=True, force_jupyter=False)
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
