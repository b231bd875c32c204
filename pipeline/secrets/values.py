"""A secret value that shows itself only when it is asked to."""

from __future__ import annotations

from pydantic import SecretStr


def held(value: str | None) -> SecretStr | None:
    """The value without the blanks and line ends that come with pasting; None for an empty one."""
    stripped = (value or "").strip()
    return SecretStr(stripped) if stripped else None
