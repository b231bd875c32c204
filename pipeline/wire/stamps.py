"""Times as the services write them: `Z` or an offset, with or without up to seven fractional digits."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_HEAD = 2000
_BEGUN = re.compile(rb'"createdDateTime"\s*:\s*"([^"]{1,40})"')
_ENDED = re.compile(rb'"lastUpdated?DateTime"\s*:\s*"([^"]{1,40})"')


def stamp(text: object) -> datetime | None:
    """The time, in UTC; None where it is missing or no time."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def seconds_taken(body: bytes) -> float | None:
    """How long an operation ran, from the answer to the poll that found it ended: every family says at its
    head when it was created and last updated, mostly in whole seconds (CONTRACTS 1, 2.4, 3.3). None where
    it does not."""
    begun, ended = _at_head(body, _BEGUN), _at_head(body, _ENDED)
    return (ended - begun).total_seconds() if begun and ended and ended >= begun else None


def _at_head(body: bytes, name: re.Pattern[bytes]) -> datetime | None:
    found = name.search(body, 0, _HEAD)
    return stamp(found[1].decode("latin-1")) if found else None
