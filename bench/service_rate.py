"""A service asked as fast as it allows: the rate that is kept, refused calls, and polls for each document.

    python bench/service_rate.py                             # one process, 5 minutes, SQLite
    python bench/service_rate.py --seconds 20                # a short look
    python bench/service_rate.py --processes 2               # two processes that share the limit
    python bench/service_rate.py --processes 2 --database postgresql
    python bench/service_rate.py --rate 60                   # a raised quota, as the setting service_rates

The emulator, in a process of its own, enforces the limits of tier S0 and answers from a can after a latency
that is log-normal (median 3 s, sigma 0.5). `formpipe run` works off a backlog of small PDFs, each with bytes
of its own, on a row with a large parallelism: listing, staging, sending, polling and committing are those of
every run. Counted is what the emulator says it took, in a window after the start. Exit code 1: a limit is
missed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
import requests
from sqlalchemy import Engine, func, select

from bench.figures import add_record_option, figure, heading, machine_line, record
from pipeline.db import schema
from pipeline.db.connection import open_database, reading
from pipeline.db.tables import document
from pipeline.params import table
from pipeline.params.rules import validate
from pipeline.services import load_services
from pipeline.wiring import utc_now
from tests.azure.canned import PDF
from tests.azure.ports import free_port, stop, wait_for
from tests.databases.postgresql import running_postgresql

ENGINE, VERSION, KEY = "document-intelligence", "2024-11-30", "bench-key"
LIMIT = load_services()[ENGINE].tiers["S0"].per_second["analyze"]
SHARE, POLLS = 0.97, 2.0
IN_FLIGHT_SECONDS = 10.0
"""Of calls: what a row's parallelism makes room for."""

START_SECONDS, SPARE_SECONDS = 15.0, 10.0
"""Until the flow is steady; and what the backlog holds beyond the window."""

_MEDIAN, _SIGMA = 3.0, 0.5


# --- the service ------------------------------------------------------------------------------------


def serve(port: int, state: Path, seed: int, limited: bool) -> None:
    """The emulator that answers from a can, in this process. Of a raised quota it knows nothing."""
    import uvicorn

    from pipeline.emulator.app import create_app
    from pipeline.emulator.cans import sample_can
    from pipeline.emulator.faults import FaultPlan, FaultRule, Latency
    from pipeline.emulator.options import EmulatorOptions

    latency = Latency(distribution="log-normal", median=_MEDIAN, sigma=_SIGMA)
    plan = FaultPlan([FaultRule(action="job-seconds", operation_class="analyze", latency=latency)], seed)
    options = EmulatorOptions(state, (KEY,), workers=1, unlimited=not limited, faults=plan, can=sample_can())
    uvicorn.run(create_app(options), port=port, log_level="warning", access_log=False)


@dataclass(frozen=True, slots=True)
class Service:
    """The emulator as the bench sees it."""

    port: int
    state: Path
    process: psutil.Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def calls(self) -> Counter[str]:
        """Calls since its start, by route and status."""
        answer = requests.get(f"{self.url}/emulator/status", timeout=30)
        return Counter(answer.json()["calls"])

    def arrivals(self) -> list[float]:
        """When each analysis was taken."""
        lines = map(json.loads, (self.state / "access.jsonl").read_text("utf-8").splitlines())
        taken = (each["time"] for each in lines if each["route"] == "analyze" and each["status"] == 202)
        return sorted(datetime.fromisoformat(at).timestamp() for at in taken)


@contextmanager
def running_service(folder: Path, options: argparse.Namespace) -> Iterator[Service]:
    port, state = free_port(), folder / "emulator"
    told = [str(port), str(state), str(options.seed), "limited" if options.rate <= LIMIT else "raised"]
    command = [sys.executable, "-W", "ignore", __file__, "--serve", *told]
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_for(port, process)
            yield Service(port, state, psutil.Process(process.pid))
        finally:
            stop(process)


# --- what calls it ----------------------------------------------------------------------------------


def set_up(folder: Path, database: Engine, documents: int, parallelism: int) -> None:
    """One row whose model is the can's, and its backlog."""
    schema.upgrade(database)
    for name in ("training", "backlog"):
        (folder / "lake" / name).mkdir(parents=True)
    for number in range(documents):
        file = folder / "lake" / "backlog" / f"{number:06d}.pdf"
        file.write_bytes(PDF + f"% document {number}\n".encode())
    row = {
        "form_type": "bench",
        "engine": ENGINE,
        "api_version": VERSION,
        "training_container_name": "training",
        "scoring_container_name": "backlog",
        "model_id": "canned",
        "parallelism": parallelism,
    }
    validated = validate([row], [], load_services(), utc_now().date())
    if validated.faults:
        raise SystemExit("\n".join(fault.remedy for fault in validated.faults))
    with database.begin() as connection:
        table.save(connection, validated.form_types)


@contextmanager
def running(
    folder: Path, url: str, service: Service, options: argparse.Namespace
) -> Iterator[list[psutil.Process]]:
    """So many `formpipe run` on the same backlog, the first, which prepares the model and lists, a little
    ahead; at the end they are asked to stop."""
    environment = os.environ | {
        "FORMPIPE_DATABASE_URL": url,
        "FORMPIPE_STORAGE_ROOT": str(folder / "lake"),
        "FORMPIPE_SERVICE_RATES": f"analyze={options.rate}, get={options.rate * 50 / 15}",
        "CognitiveServiceEndpoint": service.url,
        "CognitiveServiceSubscriptionKey": KEY,
    }
    command = [str(Path(sys.executable).with_name("formpipe")), "run"]
    started: list[subprocess.Popen[bytes]] = []
    try:
        for number in range(options.processes):
            with (folder / f"run{number}.log").open("wb") as log:
                started.append(subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log))
            await_calls(service, [psutil.Process(each.pid) for each in started], folder)
        yield [psutil.Process(each.pid) for each in started]
    finally:
        for each in started:
            each.send_signal(signal.SIGTERM)
        for each in started:
            stop(each, seconds=60.0)


def await_calls(service: Service, runs: Sequence[psutil.Process], folder: Path) -> None:
    while not service.calls()["analyze 202"]:
        require_alive(runs, folder)
        time.sleep(0.1)


# --- measuring --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Window:
    """What happened between two looks, `begun` and `ended` by the wall clock. Shares of one core."""

    begun: float
    ended: float
    calls: Counter[str]
    shares: tuple[float, ...]
    service_share: float

    @property
    def seconds(self) -> float:
        return self.ended - self.begun

    def count(self, status: int, *routes: str) -> int:
        return sum(self.calls[f"{route} {status}"] for route in routes)


def watch(service: Service, runs: Sequence[psutil.Process], seconds: float, folder: Path) -> Window:
    """Wait until the flow is steady, then for the window to pass."""
    time.sleep(START_SECONDS)
    before = [cpu_seconds(each) for each in (*runs, service.process)]
    begun, former = time.time(), service.calls()
    while time.time() < begun + seconds:
        require_alive(runs, folder)
        time.sleep(min(1.0, max(begun + seconds - time.time(), 0.0)))
    ended, calls = time.time(), service.calls()
    after = [cpu_seconds(each) for each in (*runs, service.process)]
    shares = [(b - a) / (ended - begun) for a, b in zip(before, after, strict=True)]
    return Window(begun, ended, calls - former, tuple(shares[:-1]), shares[-1])


def require_alive(runs: Sequence[psutil.Process], folder: Path) -> None:
    for number, each in enumerate(runs):
        if not each.is_running() or each.status() == psutil.STATUS_ZOMBIE:
            told = (folder / f"run{number}.log").read_text("utf-8", "replace")[-2000:]
            raise SystemExit(f"a run ended before the backlog was done:\n{told}")


def cpu_seconds(process: psutil.Process) -> float:
    """Of a process and those it started."""
    found = 0.0
    for each in (process, *process.children(recursive=True)):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        found += times.user + times.system
    return found


def fullest(arrivals: Sequence[float], seconds: float) -> int:
    """The most arrivals in any window of so many seconds."""
    most = first = 0
    for last, at in enumerate(arrivals):
        while arrivals[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def report(window: Window, service: Service, database: Engine, rate: float) -> bool:
    """Print the figures; whether every limit is kept."""
    analyzes = window.count(202, "analyze")
    polls = window.count(200, "analyze-result")
    inside = [at for at in service.arrivals() if window.begun <= at <= window.ended]
    reached = [
        figure("analyzes per second", analyzes / window.seconds, SHARE * rate, "1/s"),
        figure("  of the limit", analyzes / window.seconds / rate, SHARE),
        figure("calls refused (429)", window.count(429, "analyze", "analyze-result"), 0, at_most=True),
        figure("polls per document", polls / max(analyzes, 1), POLLS, at_most=True),
    ]
    figure("analyzes in the fullest second", fullest(inside, 1.0))
    figure("  in the fullest five seconds", fullest(inside, 5.0))
    figure("seconds from taking a file to its result", seconds_of(database), None, "s")
    for number, share in enumerate(window.shares, start=1):
        figure(f"run {number}, share of a core", share)
    figure("emulator, share of a core", window.service_share)
    return all(reached)


def seconds_of(database: Engine) -> float:
    with reading(database) as connection:
        return float(connection.scalar(select(func.avg(document.c.seconds))) or 0.0)


def measure(folder: Path, url: str, options: argparse.Namespace) -> bool:
    database = open_database(url)
    try:
        documents = round(options.rate * (options.seconds + START_SECONDS + SPARE_SECONDS))
        set_up(folder, database, documents, min(round(options.rate * IN_FLIGHT_SECONDS), 1000))
        told = f"{options.processes} process(es), {options.database}, {options.seconds:g} s"
        heading(f"{told}, {options.rate:g} analyzes a second allowed")
        with running_service(folder, options) as service:
            with running(folder, url, service, options) as runs:
                window = watch(service, runs, options.seconds, folder)
                asked = time.monotonic()
            figure("asked to stop, all ended after", time.monotonic() - asked, None, "s")
            return report(window, service, database, options.rate)
    finally:
        database.dispose()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=300.0, help="the window that is measured")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--rate", type=float, default=LIMIT, help="analyzes a second that are allowed")
    parser.add_argument("--seed", type=int, default=7, help="which latencies are drawn")
    add_record_option(parser)
    return parser.parse_args()


def main() -> int:
    if sys.argv[1:2] == ["--serve"]:
        port, state, seed, limits = sys.argv[2:6]
        serve(int(port), Path(state), int(seed), limits == "limited")
        return 0
    options = arguments()
    print(machine_line())
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if options.database == "sqlite":
            reached = measure(folder, f"sqlite:///{folder / 'formpipe.db'}", options)
        else:
            with running_postgresql() as server:
                reached = measure(folder, server.create(with_schema=False), options)
    record(options.record)
    return 0 if reached else 1


if __name__ == "__main__":
    raise SystemExit(main())
