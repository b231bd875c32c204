"""How an emulator is set up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pipeline.emulator.cans import Can
from pipeline.emulator.faults import FaultPlan


@dataclass(frozen=True, slots=True)
class EmulatorOptions:
    """`keys`: each is a resource of its own. `tokens`: the bearer tokens that are let in; none given, every
    token is that does not say of itself that it is for another service, or has ended. `unlimited`: the tier's
    rates are not enforced, its other limits are. `workers`: processes that read and train. `can`: what every
    document is answered with, without being read. `containers`: where the projects of the Language service
    find the containers that they name: a URL with `{container}` in it, or a folder of folders."""

    state: Path
    keys: tuple[str, ...] = field(default=("emulator-key",), repr=False)
    tokens: tuple[str, ...] = field(default=(), repr=False)
    tier: str = "S0"
    workers: int = 2
    unlimited: bool = False
    faults: FaultPlan = field(default_factory=FaultPlan)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    document_seconds: float = 300.0
    training_seconds: float = 3600.0
    memory_mb: int = 4000
    can: Can | None = None
    containers: str = field(default="", repr=False)
