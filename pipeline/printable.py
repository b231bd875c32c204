"""Text from outside that a terminal may be shown: without what it would obey."""

from __future__ import annotations

import re

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Escape sequences begin with one of these, in one byte or two; those of Unicode turn the order of letters
around. Line ends and tabs are kept."""


def printable(text: str) -> str:
    """The text with U+FFFD for each letter that a terminal obeys instead of showing it."""
    return _OBEYED.sub("\ufffd", text)


def escaped(text: str) -> str:
    """JSON with escapes for these letters: it says the same, and a terminal obeys nothing."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
