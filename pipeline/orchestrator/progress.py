"""What a run tells while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Stage = Literal["read", "train", "list", "score"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one stage of one form type (or group) is. `total` is None where nobody knows."""

    form_type: str
    stage: Stage
    done: int
    total: int | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened, by name, with counts and reasons."""

    name: str
    form_type: str
    message: str


Listener = Callable[[Progress | Note], None]
