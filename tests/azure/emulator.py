"""The emulator as a user starts it, on a free port."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.azure.ports import free_port, stop, wait_for

KEYS = ("canary-key-of-the-first", "canary-key-of-the-second")


@dataclass
class Emulator:
    """A running emulator; each of its keys is a resource of its own."""

    port: int
    folder: Path
    keys: Sequence[str] = KEYS

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def key(self) -> str:
        return self.keys[0]

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(f"{self.url}/emulator/status", timeout=10).json()
        return found

    def accepted(self, kind: str = "analyze") -> int:
        return int(self.status()["accepted"].get(kind, 0))

    def faults(self, *rules: dict[str, Any], seed: int = 0) -> None:
        """Put a fault plan in force; none ends it."""
        body = {"seed": seed, "rules": list(rules)}
        answer = requests.put(f"{self.url}/emulator/faults", json=body, timeout=10)
        assert answer.status_code == 204, answer.text

    def access(self) -> list[dict[str, Any]]:
        lines = (self.folder / "access.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


@contextmanager
def running_emulator(
    folder: Path, *, port: int | None = None, arguments: Sequence[str] = ("--unlimited",)
) -> Iterator[Emulator]:
    """An emulator that keeps its state in `folder`, which another one may go on with later."""
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pipeline.cli.main", "emulator", "--port", str(port)]
    command += ["--state", str(folder), *arguments]
    for key in KEYS:
        command += ["--key", key]
    with (folder / "output.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            wait_for(port, process)
            yield Emulator(port, folder)
        finally:
            stop(process)
