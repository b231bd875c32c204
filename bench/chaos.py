"""Runs that are killed again and again: what is lost, what is twice, what is paid for nothing.

    python bench/chaos.py                  # 300 kills, about half an hour
    python bench/chaos.py --kills 20 --seed 4

A real PostgreSQL, a real blob server, a service that answers from a can. Runs die at named points and at
random moments, one or two at a time, while the service throttles and drops calls, connections to the database
end, and the database stands still. After every round of kills a run that nobody disturbs makes it whole, and
everything is checked: rows as of an undisturbed run, `formpipe verify`, nothing held or open, and no more
analyses than documents and submits that were on their way at the kills. Exit code 1: something was wrong.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy import select

from bench.figures import add_record_option, all_reached, figure, heading, machine_line, record
from pipeline.db.tables import document, operation
from pipeline.emulator.faults import FaultRule, Latency
from tests.azure.azurite import running_azurite
from tests.chaos.scene import Scene, a_service
from tests.chaos.victim import POINTS
from tests.databases.postgresql import running_postgresql

IN_FLIGHT = 8
PER_ROUND = 40
KILLS_PER_ROUND = 10


class Chaos:
    """Kills and other disturbances, drawn from one seed."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.scene = scene
        self.dice = random.Random(seed)
        self.kills = self.disturbances = self.documents = 0
        self.by_kind: dict[str, int] = {}
        self._intents: set[int] = set()

    def round(self, kills: int) -> list[str]:
        """New documents, so many kills, a run that is left in peace; what is wrong then."""
        self.scene.put(PER_ROUND, first=self.documents)
        self.documents += PER_ROUND
        until = self.kills + kills
        while self.kills < until:
            self._disturb_the_service()
            self._kill_some()
            if not self.scene.count(document.c.stage != "done"):
                self.scene.put(PER_ROUND, first=self.documents)
                self.documents += PER_ROUND
        self.scene.can.faults()
        self.scene.run()
        return self.scene.faults(self.documents)

    def _disturb_the_service(self) -> None:
        slow = FaultRule(action="job-seconds", latency=Latency(distribution="uniform", high=1.0))
        others = [
            FaultRule(
                action="status", route="analyze", every=self.dice.randint(5, 15), status=429, retry_after=1
            ),
            FaultRule(action="status", every=self.dice.randint(7, 20), status=503),
            FaultRule(action="drop-before", every=self.dice.randint(9, 25)),
        ]
        self.scene.can.faults(slow, *self.dice.sample(others, self.dice.randint(0, 2)))

    def _kill_some(self) -> None:
        named = [self._start_a_victim() for _ in range(self.dice.choice((1, 1, 2)))]
        until = time.monotonic() + self.dice.uniform(1.5, 6.0)
        while time.monotonic() < until and any(each.poll() is None for each in named):
            self._disturb_the_database()
            time.sleep(0.3)
        for each in named:
            self._kill(each)
        self._count_submits()

    def _start_a_victim(self) -> subprocess.Popen[str]:
        point = self.dice.choice([*POINTS, ""])
        nth = self.dice.randint(1, 12)
        kind = point or "at a random moment"
        self.by_kind[kind] = self.by_kind.get(kind, 0) + 1
        return self.scene.start("run", point=point, nth=nth, lease_seconds=self.dice.choice((2, 60)))

    def _kill(self, process: subprocess.Popen[str]) -> None:
        process.kill()
        process.communicate(timeout=60)
        self.kills += process.returncode == -signal.SIGKILL

    def _disturb_the_database(self) -> None:
        drawn = self.dice.random()
        if drawn < 0.04:
            self.scene.drop_connections()
        elif drawn < 0.06:
            self.scene.pause_database(self.dice.uniform(0.2, 2.5))
        self.disturbances += drawn < 0.06

    def _count_submits(self) -> None:
        """Those that may have been on their way: written down, and no URL is. Each counts once."""
        query = select(operation.c.id).where(operation.c.state == "intended")
        self._intents |= {row.id for row in self.scene.query(query)}
        self.scene.on_their_way = len(self._intents)


def main() -> None:
    options = arguments()
    print(machine_line())
    wrong: list[str] = []
    with ExitStack() as opened:
        folder = Path(opened.enter_context(TemporaryDirectory(prefix="formpipe-chaos-")))
        postgresql = opened.enter_context(running_postgresql())
        azurite = opened.enter_context(running_azurite(folder / "blobs"))
        can = opened.enter_context(a_service(folder))
        scene = Scene(folder / "project", postgresql.create(), can, azurite.first, "chaos")
        scene.set_up(0, parallelism=IN_FLIGHT)
        chaos = Chaos(scene, options.seed)
        started = time.monotonic()
        recoveries = 0
        while chaos.kills < options.kills:
            found = chaos.round(min(KILLS_PER_ROUND, options.kills - chaos.kills))
            recoveries += 1
            wrong += found
            print(
                f"  {time.monotonic() - started:5.0f} s: {chaos.kills} kills, {recoveries} recoveries, "
                f"{chaos.documents} documents{': ' + '; '.join(found) if found else ''}",
                flush=True,
            )
        report(chaos, recoveries, wrong, time.monotonic() - started)
    record(options.record)
    sys.exit(0 if all_reached() else 1)


def report(chaos: Chaos, recoveries: int, wrong: list[str], seconds: float) -> None:
    scene, rows = chaos.scene, chaos.scene.rows()
    expected = scene.expected(chaos.documents)
    heading(f"{chaos.kills} kills in {seconds:.0f} s, {recoveries} recoveries")
    figure("documents", chaos.documents)
    for kind, count in sorted(chaos.by_kind.items()):
        figure(f"  runs to die {kind.replace('-', ' ')}", count)
    figure("database cut off or paused", chaos.disturbances)
    figure("rows lost", len(set(expected) - set(rows)), 0, at_most=True)
    figure("rows twice", len(rows) - len(set(rows)), 0, at_most=True)
    figure("analyses paid for", scene.accepted(), chaos.documents + scene.on_their_way, at_most=True)
    figure("  of them again", scene.accepted() - chaos.documents)
    figure("findings after recoveries", len(wrong), 0, at_most=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=300, help="how many runs are to die (default 300)")
    parser.add_argument("--seed", type=int, default=1)
    add_record_option(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
