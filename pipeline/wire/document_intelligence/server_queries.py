"""How a document is to be read, from the query of a request (CONTRACTS 3.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from pipeline.wire.document_intelligence.server_refusals import invalid, not_done
from pipeline.wire.document_intelligence.text_index import DEFAULT, INDEXES
from pipeline.wire.document_intelligence.versions import Version

Split = Literal["none", "auto", "perPage"]

_PAGES = re.compile(r"\d+(-\d+)?(,\s*\d+(-\d+)?)*")
_LOCALE = re.compile(r"[a-zA-Z]{2,3}([-_][a-zA-Z0-9]{2,8})*")
_MOST_PAGES = 5000
_SPLITS = ("none", "auto", "perPage")


@dataclass(frozen=True, slots=True)
class ReadingRequest:
    """How a document is to be read. `pages` is empty for all."""

    pages: tuple[int, ...] = ()
    index: str = DEFAULT


def read_reading(query: Mapping[str, str], version: Version) -> ReadingRequest:
    """How to analyze. What the emulator does not do is refused as such. Raises BadRequestError."""
    locale = query.get("locale")
    if locale and not _LOCALE.fullmatch(locale):
        raise invalid("Locale", "The language code is invalid or not supported.")
    wanted = [name.strip() for name in query.get("features", "").split(",") if name.strip()]
    for name in wanted:
        if name not in version.features:
            raise invalid("features", f"{version.name} has no {name}.")
    if wanted:
        raise not_done(f"feature {wanted[0]}")
    if version.content_format:
        _require_text_alone(query)
    return ReadingRequest(read_pages(query.get("pages")), read_index(query))


def _require_text_alone(query: Mapping[str, str]) -> None:
    form = query.get("outputContentFormat", "text")
    if form not in ("text", "markdown"):
        raise invalid("outputContentFormat")
    if form == "markdown":
        raise not_done("output in Markdown")
    if query.get("output"):
        raise not_done(f"output of {query['output']}")


def read_index(query: Mapping[str, str]) -> str:
    """Raises BadRequestError."""
    index = query.get("stringIndexType", DEFAULT)
    if index not in INDEXES:
        raise invalid("stringIndexType")
    return index


def read_split(told: object, default: Split) -> Split:
    """Raises BadRequestError."""
    if told is None:
        return default
    if told not in _SPLITS:
        raise invalid("split")
    return cast(Split, told)


def read_pages(text: str | None) -> tuple[int, ...]:
    """`1-3, 5`; empty for all. Raises BadRequestError."""
    if not text:
        return ()
    if not _PAGES.fullmatch(text):
        raise invalid("pages")
    numbers: list[int] = []
    for part in text.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        begin, end = int(first), int(last or first)
        if begin < 1 or end < begin:
            raise invalid("pages")
        numbers += range(begin, min(end, begin + _MOST_PAGES) + 1)
    return tuple(dict.fromkeys(numbers))
