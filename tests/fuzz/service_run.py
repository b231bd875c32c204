"""Runs against a service that answers mutants, in a process of its own: again until all is at an end.

`python -m tests.fuzz.service_run ROUNDS` in a project folder; it prints what the rounds did, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any

import psutil
import requests
from sqlalchemy import func, select

from pipeline.cli.running import Lines
from pipeline.db import tables
from pipeline.logs import start_logging
from pipeline.orchestrator.leasing import this_holder
from pipeline.orchestrator.run import execute
from pipeline.orchestrator.run_context import RunContext, RunOptions
from pipeline.services import Service
from pipeline.settings import load_settings
from pipeline.wiring import App, open_app, run_context


def main(rounds: int) -> None:
    settings = load_settings()
    app = _unlimited(open_app(settings, upgrade=True))
    start_logging("debug")
    url = app.secrets.get("CognitiveServiceEndpoint")
    told: list[dict[str, Any]] = []
    with _Watched() as watched, Lines() as listener, run_context(app, lambda: False, listener) as context:
        for _ in range(rounds):
            told.append(_round(context, app, url))
            if told[-1]["left"] == 0:
                break
    print(json.dumps({"rounds": told, **watched.peaks}, default=str))  # noqa: T201


def _round(context: RunContext, app: App, url: str) -> dict[str, Any]:
    error, rows = None, []
    try:
        fresh = replace(context, terms=replace(context.terms, holder=this_holder()))
        rows = [asdict(row) for row in execute(fresh, RunOptions()).rows]
    except Exception:
        error = traceback.format_exc()
    healed = requests.post(f"{url}/heal", timeout=30).json()
    document = tables.document
    with app.database.connect() as connection:
        left = connection.scalar(select(func.count()).select_from(document).where(document.c.stage != "done"))
    return {"rows": rows, "error": error, "healed": healed, "left": left}


def _unlimited(app: App) -> App:
    """The service's rates are not what is tried here."""
    services = {name: _without_rates(service) for name, service in app.services.items()}
    return replace(app, services=MappingProxyType(services))


def _without_rates(service: Service) -> Service:
    tiers = {name: replace(tier, per_second={}) for name, tier in service.tiers.items()}
    return replace(service, tiers=tiers)


class _Watched:
    """The most memory that this process and its workers had, in MiB, looked at now and then: the largest of
    `getrusage` is that of the process that started this one, where that was larger."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._own = 0.0
        self._worker = 0.0
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Watched:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def peaks(self) -> dict[str, float]:
        return {"process_mb": round(self._own), "worker_mb": round(self._worker)}

    def _look(self) -> None:
        own = psutil.Process(os.getpid())
        while not self._stop.wait(0.2):
            self._own = max(self._own, own.memory_info().rss / 2**20)
            for child in own.children(recursive=True):
                try:
                    self._worker = max(self._worker, child.memory_info().rss / 2**20)
                except psutil.Error:
                    continue


if __name__ == "__main__":
    main(int(sys.argv[1]))
