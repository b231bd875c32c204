"""A large backlog: documents per second, and the memory of the run and of each of its readers.

    python bench/backlog.py                    # 5,000 documents in a scratch folder
    python bench/backlog.py --documents 500 --scans 0.05

One form type of the demo, its model trained beforehand. The backlog is drawn pages, most of them
born-digital and a share of them scanned, copied with a comment in each, so that no two files are equal.
Memory is the resident set of each process of `formpipe run`, as far as the system keeps it the peak
(VmHWM) and else the largest of what was seen. FORMPIPE_ settings hold, the number of workers included.
Exit code 1: a limit is missed, or a document did not end with values.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from pydantic import SecretStr
from sqlalchemy import func, select

from bench.figures import add_record_option, figure, heading, machine_line, record
from pipeline.db.connection import open_database, reading
from pipeline.db.tables import document
from pipeline.demo import demo_rows, write_lake
from pipeline.demo.invoice_layouts import INVOICE
from pipeline.demo.lake import CONTAINER
from pipeline.demo.scan import jpeg_bytes, scan
from pipeline.params import table
from pipeline.params.rules import validate
from pipeline.settings import Settings, load_settings
from pipeline.wiring import open_app, utc_now

PARENT_MB, READER_MB = 300.0, 1024.0
DRAWN, SCANNED = 50, 10
_LOOK_SECONDS = 0.25


@dataclass(slots=True)
class Memory:
    """The largest resident sets seen, MiB: of the run itself, and of each of its readers by process id."""

    parent: float = 0.0
    readers: dict[int, float] = field(default_factory=dict)

    def look(self, run: psutil.Process) -> None:
        self.parent = max(self.parent, _peak_mb(run))
        for child in _children(run):
            with suppress(psutil.NoSuchProcess):
                if any("spawn_main" in word for word in child.cmdline()):
                    self.readers[child.pid] = max(self.readers.get(child.pid, 0.0), _peak_mb(child))


def _children(run: psutil.Process) -> list[psutil.Process]:
    try:
        return run.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _peak_mb(process: psutil.Process) -> float:
    status = Path(f"/proc/{process.pid}/status")
    try:
        lines = status.read_text().splitlines() if status.exists() else []
        peaks = [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")]
        return peaks[0] if peaks else process.memory_info().rss / 2**20
    except (psutil.NoSuchProcess, OSError):
        return 0.0


def set_up(folder: Path, seed: int) -> Settings:
    """A lake with one form type in the parameter table and nothing in its backlog."""
    database = SecretStr(f"sqlite:///{folder / 'formpipe.db'}")
    settings = load_settings(database_url=database, storage_root=folder / "lake")
    write_lake(settings.storage_root, seed=seed, backlog=0)
    (settings.storage_root / CONTAINER / INVOICE.form_type / "backlog").mkdir()
    app = open_app(settings, upgrade=True)
    rows = [row for row in demo_rows() if row["form_type"] == INVOICE.form_type]
    with app.database.begin() as connection:
        table.save(connection, validate(rows, [], app.services, utc_now().date()).form_types)
    app.database.dispose()
    return settings


def write_backlog(settings: Settings, count: int, scans: float, seed: int) -> None:
    """`count` documents, a share of them scans, from a few drawn ones."""
    random = Random(f"{seed}/backlog")
    drawings = [INVOICE.draw(random.choice(INVOICE.seen), random) for _ in range(DRAWN)]
    pictures = [jpeg_bytes(scan(drawing, random)) for drawing in drawings[:SCANNED]]
    folder = settings.storage_root / CONTAINER / INVOICE.form_type / "backlog"
    scanned = set(random.sample(range(count), round(scans * count)))
    for number in range(count):
        if number in scanned:
            content = _commented_jpeg(pictures[number % SCANNED], number)
            (folder / f"scan{number:06d}.jpg").write_bytes(content)
        else:
            content = drawings[number % DRAWN].pdf + f"% copy {number}\n".encode()
            (folder / f"page{number:06d}.pdf").write_bytes(content)


def _commented_jpeg(picture: bytes, number: int) -> bytes:
    """With a comment segment right after the start marker (ISO/IEC 10918-1, B.2.4.5)."""
    comment = f"copy {number}".encode()
    return picture[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + picture[2:]


def run(folder: Path, settings: Settings) -> tuple[float, Memory]:
    """Seconds and memory of one `formpipe run`; its output goes into `run.log`."""
    environment = os.environ | {
        "FORMPIPE_DATABASE_URL": settings.database_url.get_secret_value(),
        "FORMPIPE_STORAGE_ROOT": str(settings.storage_root),
    }
    command = [str(Path(sys.executable).with_name("formpipe")), "run"]
    memory, started = Memory(), time.monotonic()
    with (folder / "run.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        watched = psutil.Process(process.pid)
        try:
            while process.poll() is None:
                memory.look(watched)
                time.sleep(_LOOK_SECONDS)
        finally:
            process.terminate()
            process.wait()
    if process.returncode not in (0, 1):
        log_tail = (folder / "run.log").read_text("utf-8", "replace")[-2000:]
        raise SystemExit(f"the run failed with exit code {process.returncode}:\n{log_tail}")
    return time.monotonic() - started, memory


def report(settings: Settings, count: int, seconds: float, memory: Memory) -> bool:
    """Print the figures; whether every limit is kept."""
    database = open_database(settings.database_url.get_secret_value())
    with reading(database) as connection:
        query = select(document.c.outcome, func.count(), func.sum(document.c.ocr_pages))
        ended = {row[0]: (row[1], row[2]) for row in connection.execute(query.group_by(document.c.outcome))}
    database.dispose()
    with_values = sum(ended.get(outcome, (0, 0))[0] for outcome in ("loaded", "partial"))
    heading(f"{count} documents, {settings.workers} workers")
    reached = [figure("documents with values", with_values, count)]
    figure("  of these partial", ended.get("partial", (0, 0))[0])
    figure("pages read by OCR", sum(pages or 0 for _, pages in ended.values()))
    figure("the whole run", seconds, None, "s")
    figure("documents per second", count / seconds, None, "1/s")
    reached.append(figure("parent, peak resident set", memory.parent, PARENT_MB, "MB", at_most=True))
    peaks = sorted(memory.readers.values()) or [0.0]
    reached.append(figure("largest reader, peak resident set", peaks[-1], READER_MB, "MB", at_most=True))
    figure("smallest reader, peak resident set", peaks[0], None, "MB")
    figure("reader processes, one after the other", len(memory.readers))
    return all(reached)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=5000)
    parser.add_argument("--scans", type=float, default=0.01, help="share of the documents that are scanned")
    parser.add_argument("--seed", type=int, default=7, help="which documents are drawn")
    add_record_option(parser)
    options = parser.parse_args()
    print(machine_line())
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        settings = set_up(folder, options.seed)
        run(folder, settings)
        write_backlog(settings, options.documents, options.scans, options.seed)
        seconds, memory = run(folder, settings)
        reached = report(settings, options.documents, seconds, memory)
    record(options.record)
    return 0 if reached else 1


if __name__ == "__main__":
    raise SystemExit(main())
