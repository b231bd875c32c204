"""Times as the services write them: `Z` or an offset, with or without up to seven fractional digits."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(text: object) -> datetime | None:
    """The time, in UTC; None where it is missing or no time."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
