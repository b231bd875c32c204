"""An emulator that answers from a can, in a thread of this process: a service as quick as one can be."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from pipeline.emulator.app import create_app
from pipeline.emulator.cans import sample_can
from pipeline.emulator.door import Door
from pipeline.emulator.faults import FaultFile, FaultRule, Latency
from pipeline.emulator.options import EmulatorOptions
from tests.azure.ports import free_port

KEY = "canary-key-of-the-can"
MODEL = "canned"
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)
"""A blank page. Whoever needs many different ones adds a comment to each."""


@dataclass(frozen=True)
class Canned:
    """A running one, and the folder of its state."""

    port: int
    folder: Path
    door: Door

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def secrets(self) -> dict[str, str]:
        """What a row's secrets have to be, by name."""
        return {"CognitiveServiceEndpoint": self.url, "CognitiveServiceSubscriptionKey": KEY}

    def calls(self, route: str, status: int) -> int:
        return self.door.log.statuses[f"{route} {status}"]

    def faults(self, *rules: FaultRule, seed: int = 7) -> None:
        self.door.options.faults.load(FaultFile(seed=seed, rules=rules))

    def latency(self, median: float, sigma: float = 0.5) -> FaultRule:
        """That documents take so long, as a rule."""
        drawn = Latency(distribution="log-normal", median=median, sigma=sigma)
        return FaultRule(action="job-seconds", operation_class="analyze", latency=drawn)


@contextmanager
def running_can(folder: Path, *, limited: bool = True) -> Iterator[Canned]:
    """`limited`: the rates of tier S0 are enforced."""
    options = EmulatorOptions(
        folder, (KEY,), workers=1, unlimited=not limited, can=sample_can(model_id=MODEL)
    )
    app, port = create_app(options), free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive() and time.monotonic() < until
        time.sleep(0.02)
    try:
        yield Canned(port, folder, app.state.emulator)
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
