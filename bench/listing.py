"""How fast a listing is compared with what is known, and how much memory that takes.

    python bench/listing.py                        # a million names against a million known documents
    python bench/listing.py --names 100000         # a tenth
    python bench/listing.py --only sqlite          # one of the databases
    python bench/listing.py --azurite 20000        # beside it: how fast Azurite itself lists so many blobs

The names come from a synthetic lister; every hundredth has another ETag than its document. Each database is
measured in a process of its own: `compare` reads only, `synchronise` makes the changed documents pending. The
documents are added by the product too, whose time is shown. PostgreSQL is the one of the tests' wheel, with
its own settings.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy import Engine, insert, text

from bench.figures import add_record_option, all_reached, figure, heading, machine_line, record
from pipeline.db import schema
from pipeline.db.connection import open_database
from pipeline.db.tables import form_type
from pipeline.ports import Storage
from pipeline.scoring.backlog import compare, synchronise
from pipeline.types import Blob, FormType
from tests.databases.postgresql import PostgresqlMissingError, running_postgresql

NAMES_LIMIT, MEMORY_LIMIT = 100_000, 250
CHANGED = 100
ROW = FormType("bills", "bills", "forms", "training/", "forms", "in/")


class Lister:
    """A container of `count` blobs; of the second `version` every hundredth changed."""

    account = "lake"

    def __init__(self, count: int, version: int = 1) -> None:
        self.count = count
        self.version = version

    def list(self, container: str, prefix: str = "", *, recursive: bool = True) -> Iterator[Blob]:
        for number in range(self.count):
            version = self.version if number % CHANGED == 0 else 1
            yield Blob(
                f"{prefix}2026/{number // 10_000:04}/invoice-{number:08}.pdf",
                f"0x8DC{number:010X}{version}",
                number,
            )


def fill(database: Engine, count: int) -> float:
    """Add every document; the seconds that took."""
    with database.begin() as connection:
        values = {"training_container_name": "forms", "scoring_container_name": "forms"}
        connection.execute(insert(form_type).values(form_type="bills", **values))
    started = time.perf_counter()
    changes = sync(database, Lister(count))
    seconds = time.perf_counter() - started
    assert changes["new"] == count
    if database.dialect.name == "postgresql":  # as its autovacuum does, at a time of its own
        with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE document"))
    return seconds


def sync(database: Engine, lister: Lister) -> dict[str, int]:
    changes = synchronise(
        database,
        cast(Storage, lister),
        ROW,
        now=lambda: datetime.now(UTC),
        guard=lambda connection: None,
    )
    return {"new": changes.new, "changed": changes.changed, "unchanged": changes.unchanged}


def measured(url: str, count: int) -> dict[str, float]:
    """One listing read only, then one that writes; in a process that does nothing else."""
    database = open_database(url)
    lister = Lister(count, 2)
    started = time.perf_counter()
    for _ in lister.list("forms", "in/"):
        pass
    listed = time.perf_counter()
    told = compare(database, cast(Storage, lister), ROW)
    compared = time.perf_counter()
    done = sync(database, lister)
    synchronised = time.perf_counter()
    expected = {"new": 0, "changed": -(-count // CHANGED), "unchanged": count - -(-count // CHANGED)}
    assert done == expected and told.changed == expected["changed"], (done, expected)
    return {
        "lister": listed - started,
        "compare": compared - listed,
        "synchronise": synchronised - compared,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def report(name: str, url: str, count: int) -> None:
    database = open_database(url)
    schema.upgrade(database)
    heading(f"{name}, {count:,} names against {count:,} documents, 1% changed")
    added = fill(database, count)
    database.dispose()
    command = [sys.executable, __file__, "--names", str(count), "--measure", url]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(answer)
    figure("names per second, changes written", count / found["synchronise"], NAMES_LIMIT, "1/s")
    figure("names per second, nothing written", count / found["compare"], None, "1/s")
    figure("names per second of the lister alone", count / found["lister"], None, "1/s")
    figure("names per second, all of them new", count / added, None, "1/s")
    figure("peak resident set", found["peak"], MEMORY_LIMIT, "MB", at_most=True)


def on_postgresql(count: int) -> None:
    try:
        with running_postgresql() as server:
            report("PostgreSQL", server.create(), count)
    except PostgresqlMissingError as error:
        raise SystemExit(str(error)) from error


def on_azurite(count: int) -> None:
    """The limit of the test server beside ours."""
    from pipeline.storage.account import BlobAccount
    from pipeline.storage.blob import BlobStorage
    from tests.azure.azurite import running_azurite

    with tempfile.TemporaryDirectory() as scratch, running_azurite(Path(scratch)) as azurite:
        account = azurite.first
        container: Any = account.container("lake")
        for number in range(count):
            container.upload_blob(f"in/{number:08}.pdf", b"x")
        store = BlobStorage(lambda fresh: BlobAccount.of(account.connection_string, None))
        started = time.perf_counter()
        found = sum(1 for _ in store.list("lake", "in/"))
        seconds = time.perf_counter() - started
    heading(f"Azurite, {count:,} blobs")
    figure("names per second that it lists", found / seconds, None, "1/s")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--names", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    parser.add_argument("--azurite", type=int, default=5_000, metavar="BLOBS", help="0: leave it out")
    parser.add_argument("--measure", metavar="URL", help=argparse.SUPPRESS)
    add_record_option(parser)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measured(options.measure, options.names)))
        return 0
    print(machine_line())
    if options.only != "postgresql":
        with tempfile.TemporaryDirectory() as scratch:
            report("SQLite", f"sqlite:///{Path(scratch) / 'formpipe.db'}", options.names)
    if options.only != "sqlite":
        on_postgresql(options.names)
    if options.azurite:
        on_azurite(options.azurite)
    record(options.record)
    return 0 if all_reached() else 1


if __name__ == "__main__":
    raise SystemExit(main())
