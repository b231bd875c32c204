"""Spark executors: how much faster two are than one, and what the driver keeps.

    python bench/scale.py                          # 96 scanned pages, 1,000 and 20,000 canned documents
    python bench/scale.py --scans 20 --canned 200 2000

First a backlog of scanned drawings, each of which is read by OCR, by the local executor, by one executor of
Spark and by two (`local-cluster`: processes of their own, one core each, one thread per reader). Seconds are
from the first hand's beginning to the last one's end, so the start of Spark is left out, and that of the
readers is not. All three must write the same rows.

Then an engine that answers at once, from a can, in two processes of Spark: what the driver's own process
takes at the highest, for a small backlog and a large one. Their names were taken in by a process before it:
that works in batches of 20,000 names, so its peak is that of its first full batch, and `bench/listing.py` has
it for a million. Exit code 1: a limit is missed, or rows differ.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from pydantic import SecretStr

from bench import backlog, canned_hand, overhead
from bench.figures import add_record_option, all_reached, figure, heading, machine_line, record
from pipeline.cli.running import Lines
from pipeline.crews import SparkCrew, travelling
from pipeline.executors.spark import open_spark
from pipeline.orchestrator.run import execute
from pipeline.orchestrator.run_context import RunOptions
from pipeline.orchestrator.survey import load_rows
from pipeline.scoring.backlog import synchronise
from pipeline.settings import load_settings
from pipeline.wiring import open_app, run_context

ROOT = Path(__file__).parents[1]
SPEEDUP, FLAT = 1.5, 1.25
ROWS = (
    "SELECT d.path, d.outcome, d.reason, d.pages, d.ocr_pages, v.field, v.occurrence, v.text, v.value_text,"
    " v.value_number, v.value_date, v.value_mark, v.confidence, v.review FROM document d"
    " LEFT JOIN part p ON p.document_id = d.id LEFT JOIN field_value v ON v.part_id = p.id ORDER BY 1, 6, 7"
)
HANDS = "SELECT min(started_at), max(finished_at), count(*) FROM run WHERE parent_id IS NOT NULL"
WHOLE = "SELECT seconds FROM run_row ORDER BY run_id DESC LIMIT 1"


# --- two executors against one ----------------------------------------------------------------------


def prepare(folder: Path, scans: int, seed: int) -> None:
    """A trained model and a backlog of scans, none of them scored."""
    settings = backlog.set_up(folder, seed)
    backlog.run(folder, settings)
    backlog.write_backlog(settings, scans, 1.0, seed)


def formpipe(folder: Path, *options: str, **settings: object) -> None:
    """`formpipe run` on the database of this folder; its output goes into `run.log`."""
    stated = {"storage_root": folder.parent / "trained" / "lake", "workers": 1} | settings
    environment = os.environ | {f"FORMPIPE_{name.upper()}": str(value) for name, value in stated.items()}
    command = [sys.executable, "-m", "pipeline.cli.main", "run", *options]
    with (folder / "run.log").open("wb") as log:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=log,
            stderr=log,
            check=False,
        )
    if done.returncode not in (0, 1):
        told = (folder / "run.log").read_text("utf-8", "replace")[-2000:]
        raise SystemExit(f"the run failed with exit code {done.returncode}:\n{told}")


def ask(folder: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(folder / "formpipe.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def copied(trained: Path, name: str) -> Path:
    """A folder of its own with the same database."""
    folder = trained.parent / name
    folder.mkdir()
    shutil.copy(trained / "formpipe.db", folder)
    return folder


def seconds_of_hands(folder: Path) -> float:
    first, last, _ = ask(folder, HANDS)[0]
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


def executors(scratch: Path, scans: int, seed: int) -> None:
    trained = scratch / "trained"
    trained.mkdir()
    prepare(trained, scans, seed)
    local = copied(trained, "local")
    formpipe(local, workers=2)
    heading(f"{scans} scanned pages, the local executor, 2 workers")
    figure("documents per second", scans / float(ask(local, WHOLE)[0][0]), None, "1/s")
    seconds = {}
    for number in (1, 2):
        folder = copied(trained, f"spark{number}")
        formpipe(folder, "--executor", "spark", "--master", f"local-cluster[{number},1,1024]")
        seconds[number] = seconds_of_hands(folder)
        heading(f"{scans} scanned pages, Spark, {number} executor(s) of one core")
        figure("documents per second", scans / seconds[number], None, "1/s")
        figure("hands, one after the other", int(ask(folder, HANDS)[0][2]))
        expected, found = ask(local, ROWS), ask(folder, ROWS)
        figure(
            "pages read by OCR",
            sum(int(row[0]) for row in ask(folder, "SELECT ocr_pages FROM document")),
            scans,
        )
        figure("rows of documents and values", len(found), len(expected))
        differing = len(set(expected) ^ set(found))
        figure("rows that differ from the local executor's", differing, 0, at_most=True)
    heading("Two executors against one")
    figure("times faster", seconds[1] / seconds[2], SPEEDUP)


# --- the driver's memory ----------------------------------------------------------------------------


def take_in(folder: Path, count: int) -> dict[str, Any]:
    """List a canned backlog for the first time."""
    root = folder / "lake"
    overhead.write_backlog(root, count)
    app = overhead.set_up(f"sqlite:///{folder / 'formpipe.db'}", root)
    row = load_rows(app.sources).form_types[0]
    storage, now = app.storages.of(row.secrets.scoring), app.clock.now
    with overhead.Peak() as peak:
        changes = synchronise(
            app.database, storage, row, now=now, guard=lambda connection: None, stopping=lambda: False
        )
    app.database.dispose()
    return {"listed": changes.listed, "mb": peak.megabytes}


def drive(folder: Path, count: int) -> dict[str, Any]:
    """A run over a canned backlog by hands in Spark."""
    database, root = SecretStr(f"sqlite:///{folder / 'formpipe.db'}"), folder / "lake"
    app = open_app(load_settings(database_url=database, storage_root=root))
    tasks = open_spark("local[2]")
    crew = SparkCrew(tasks, app.database, travelling(app.settings, app.database), canned_hand.perform).crew
    peak = overhead.Peak()
    with Lines() as listener, run_context(app, lambda: False, listener) as context, peak:
        summary = execute(replace(context, crew=crew), RunOptions())
    loaded, values = overhead._done(app)
    row = summary.rows[0]
    tasks.close()
    app.database.dispose()
    return {"loaded": loaded, "values": values, "seconds": row.seconds, "mb": peak.megabytes}


STEPS = {"take-in": take_in, "drive": drive}


def apart(step: str, folder: Path, count: int) -> dict[str, Any]:
    """What a step found, in a process of its own."""
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            __file__,
            "--step",
            step,
            "--folder",
            str(folder),
            "--count",
            str(count),
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def memory(scratch: Path, counts: list[int]) -> None:
    peaks = []
    for count in counts:
        folder = scratch / f"canned{count}"
        folder.mkdir()
        before, found = apart("take-in", folder, count), apart("drive", folder, count)
        heading(f"{count} documents from a can, SQLite, two processes of Spark")
        figure("documents loaded", found["loaded"], count)
        figure("values of these", found["values"], count * len(overhead.FIELDS))
        figure("documents per second", count / found["seconds"], None, "1/s")
        figure("taking in their names, peak resident set", before["mb"], None, "MB")
        figure("driver, peak resident set", found["mb"], None, "MB")
        peaks.append(found["mb"])
        shutil.rmtree(folder)
    heading("The driver's memory")
    grown = peaks[-1] / peaks[0]
    figure(f"{counts[-1] // counts[0]} times the documents take", grown, FLAT, "times", at_most=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scans", type=int, default=96, help="scanned pages; 0 leaves the executors out")
    parser.add_argument("--canned", type=int, nargs=2, default=[1000, 20_000], help="documents from a can")
    parser.add_argument("--seed", type=int, default=7, help="which documents are drawn")
    parser.add_argument("--step", choices=sorted(STEPS), help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    add_record_option(parser)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(STEPS[options.step](options.folder, options.count)))
        return 0
    print(machine_line())
    with TemporaryDirectory() as scratch:
        if options.scans:
            executors(Path(scratch), options.scans, options.seed)
        memory(Path(scratch), options.canned)
    record(options.record)
    return 0 if all_reached() else 1


if __name__ == "__main__":
    raise SystemExit(main())
