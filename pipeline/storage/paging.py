"""A listing page by page that goes on where it broke: no name is lost, none comes twice."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from pipeline.errors import AttemptError

_FIRST_PAUSE = 2.0
_log = logging.getLogger(__name__)


class MarkerRefusedError(Exception):
    """The account no longer takes the marker of a listing that it began."""


@dataclass(frozen=True, slots=True)
class Page:
    """`following`: the marker of the next page, None at the end."""

    items: tuple[Any, ...]
    following: str | None


Ask = Callable[[str | None, tuple[str, ...]], Page]


def items(
    ask: Ask,
    needs_metadata: Callable[[Any], bool],
    breaks: int,
    longest_pause: float,
    sleep: Callable[[float], None],
) -> Iterator[Any]:
    """What the pages of a listing hold. `ask` gives the page at a marker; from the first page on with an item
    that `needs_metadata`, metadata is asked for.

    A page after the first that fails (AttemptError) is asked for again, `breaks` times. Where the marker is
    refused, the page before is asked for once more, for a new one, and what was given of it is left out.
    Raises AttemptError (`blob-unreadable`) where neither helps, and what else `ask` raises."""
    tries = _tries(breaks, longest_pause, sleep)
    marker: str | None = None
    before: str | None = None
    given: frozenset[str] = frozenset()
    again: frozenset[str] = frozenset()
    include: tuple[str, ...] = ()
    refused = 0
    while True:
        try:
            page = tries(ask, marker, include) if marker else ask(marker, include)
        except MarkerRefusedError:
            refused += 1
            if refused > breaks:
                raise AttemptError(_REFUSED, reason="blob-unreadable") from None
            _log.warning("the marker of a listing was refused: the page before is listed again")
            marker, again = before, given
            continue
        if not include and any(map(needs_metadata, page.items)):
            include = ("metadata",)
            continue
        yield from (item for item in page.items if item.name not in again)
        given = again.union(item.name for item in page.items)
        if not page.following:
            return
        before, marker, again = marker, page.following, frozenset()


_REFUSED = "the storage account refuses the markers of its own listing: the next run lists again"


def _tries(breaks: int, longest_pause: float, sleep: Callable[[float], None]) -> Retrying:
    return Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, AttemptError)),
        stop=stop_after_attempt(1 + breaks),
        wait=wait_random_exponential(multiplier=_FIRST_PAUSE, max=longest_pause),
        sleep=sleep,
        before_sleep=_tell,
        reraise=True,
    )


def _tell(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    _log.warning("a listing broke (%s): it goes on from its marker, try %d", error, state.attempt_number + 1)
