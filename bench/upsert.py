"""How fast field values go into the database, side by side with what else could write them.

    python bench/upsert.py                          # a million values, half of them new, half changed
    python bench/upsert.py --values 100000          # a tenth
    python bench/upsert.py --dlt-python PYTHON      # an interpreter that has dlt[postgres], for its merge

Every way begins with the same half of the rows in the same table and then writes all of them. `bare` are
the statements of this product sent by psycopg itself; `raw copy` is COPY into a table without any index.
PostgreSQL is the one of the tests' wheel, with its own settings; each way has a database of its own.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy import Engine, insert, make_url

from bench.figures import add_record_option, all_reached, figure, heading, machine_line, record
from pipeline.db import bulk, schema
from pipeline.db.connection import open_database
from pipeline.db.tables import document, field_value, form_type, part
from pipeline.db.value_rows import VALUE_COLUMNS
from tests.databases.postgresql import Postgresql, PostgresqlMissingError, running_postgresql

FIELDS = 10
CHUNK = bulk.capabilities("postgresql").chunk
Row = tuple[object, ...]

BARE_LIMIT, COPY_LIMIT, DLT_LIMIT, SQLITE_LIMIT, MEMORY_LIMIT = 0.90, 0.18, 8.0, 0.60, 1.25


def rows(first: int, count: int, said: str) -> Iterator[Row]:
    """Values of the documents from `first` on, made as they are asked for; part ids are document ids."""
    box = "[0.5, 1.25, 3.75, 1.25, 3.75, 1.5, 0.5, 1.5]"
    for number in range(first, first + count):
        part_id, field = divmod(number, FIELDS)
        text = f"{said} {number:012d}"
        amount = Decimal(number) / 100 if field % 3 == 0 else None
        day = date(2026, 1 + number % 12, 1 + number % 28) if field % 3 == 1 else None
        yield (
            part_id + 1, f"Field {field}", 0, "model", text, text if field % 3 == 2 else None, amount, day,
            None, None, None, 1, box, 0.93, 0.99, False, False, None, None,
        )  # fmt: skip


def prepare(engine: Engine, values: int) -> None:
    """The schema with the documents and parts that the values hang on."""
    schema.upgrade(engine)
    now = datetime(2026, 11, 21, tzinfo=UTC)
    places = {"training_container_name": "lake", "scoring_container_name": "lake"}
    with engine.begin() as connection:
        connection.execute(insert(form_type), {"form_type": "bench", **places})
        for first in range(1, values // FIELDS + 2, 10_000):
            keys = range(first, min(first + 10_000, values // FIELDS + 2))
            made = [
                {
                    "id": key, "form_type": "bench", "container": "lake", "path": f"{key}.pdf",
                    "path_hash": f"{key:064d}", "etag": "e", "size": 1, "first_seen_at": now,
                }
                for key in keys
            ]  # fmt: skip
            connection.execute(insert(document), made)
            of_pages = [
                {"id": k, "document_id": k, "number": 1, "first_page": 1, "last_page": 1} for k in keys
            ]
            connection.execute(insert(part), of_pages)


def ours(engine: Engine, values: Iterator[Row]) -> None:
    with engine.begin() as connection:
        bulk.upsert(connection, field_value, VALUE_COLUMNS, values)


def bare_postgresql(engine: Engine, values: Iterator[Row]) -> None:
    """The same statements, by hand."""
    import psycopg

    columns = ", ".join(VALUE_COLUMNS)
    key = "part_id, field, occurrence, source"
    changes = ", ".join(f"{c} = excluded.{c}" for c in VALUE_COLUMNS if c not in key.split(", "))
    with psycopg.connect(**_parts_of(engine)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS staged_field_value "
            "(LIKE field_value INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
        )
        sent = CHUNK
        while sent == CHUNK:
            with cursor.copy(f"COPY staged_field_value ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(_TYPES)
                sent = 0
                for sent, row in enumerate(islice(values, CHUNK), start=1):  # noqa: B007
                    copy.write_row(row)
            cursor.execute(
                f"INSERT INTO field_value ({columns}) SELECT {columns} FROM staged_field_value "
                f"ORDER BY {key} ON CONFLICT ({key}) DO UPDATE SET {changes}"
            )
            cursor.execute("TRUNCATE staged_field_value")


_TYPES = [
    "int8", "varchar", "int4", "varchar", "text", "text", "numeric", "date", "time", "varchar", "varchar",
    "int4", "text", "float8", "float8", "bool", "bool", "int4", "int4",
]  # fmt: skip


def raw_copy(engine: Engine, values: Iterator[Row]) -> None:
    """COPY into a table without index or key."""
    import psycopg

    with psycopg.connect(**_parts_of(engine)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE unindexed (LIKE field_value)")
        statement = f"COPY unindexed ({', '.join(VALUE_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
        with cursor.copy(statement) as copy:
            copy.set_types(_TYPES)
            for row in values:
                copy.write_row(row)


def _parts_of(engine: Engine) -> dict[str, str]:
    return {
        "host": str(engine.url.query["host"]),
        "user": str(engine.url.username),
        "dbname": str(engine.url.database),
    }


def bare_sqlite(engine: Engine, values: Iterator[Row]) -> None:
    """An executemany of plain inserts into an equal table, decimals and dates as text."""
    marks = ", ".join("?" * len(VALUE_COLUMNS))
    connection = sqlite3.connect(str(engine.url.database), isolation_level=None)
    for pragma in ("foreign_keys = ON", "journal_mode = WAL", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN IMMEDIATE")
    plain = (
        (*row[:6], None if row[6] is None else str(row[6]), None if row[7] is None else str(row[7]), *row[8:])
        for row in values
    )
    statement = f"INSERT INTO field_value ({', '.join(VALUE_COLUMNS)}) VALUES ({marks})"
    connection.executemany(statement, plain)
    connection.execute("COMMIT")
    connection.close()


Write = Callable[[Engine, Iterator[Row]], None]


def rate(engine: Engine, write: Write, count: int, *, half_there: bool = True) -> float:
    """Rows a second for writing `count` rows, half of which are there with another text."""
    if half_there:
        ours(engine, rows(0, count // 2, "before"))
    started = time.perf_counter()
    write(engine, rows(0, count, "after"))
    return count / (time.perf_counter() - started)


@contextmanager
def database_of(server: Postgresql | None, values: int) -> Iterator[Engine]:
    """A fresh database, of the server or a SQLite file."""
    folder = Path(tempfile.mkdtemp(prefix="formpipe-bench-"))
    url = server.create() if server else f"sqlite:///{folder / 'bench.db'}"
    engine = open_database(url)
    try:
        prepare(engine, values)
        yield engine
    finally:
        engine.dispose()
        if server:
            server.drop(url)
        shutil.rmtree(folder, ignore_errors=True)


def measured(server: Postgresql | None, write: Write, values: int, *, half_there: bool = True) -> float:
    with database_of(server, values) as engine:
        return rate(engine, write, values, half_there=half_there)


# --- memory, and another tool's merge, in processes of their own -----------------------------------------


def peak_memory(values: int, url: str) -> float:
    """MB that a process took at most which wrote that many values and did nothing else."""
    command = [sys.executable, __file__, "--values", str(values), "--only-memory", url]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def only_memory(values: int, url: str) -> None:
    engine = open_database(url)
    ours(engine, rows(0, values, "after"))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


DLT = """
import sys, time, dlt
sys.path.insert(0, sys.argv[1])
from bench_rows import rows, VALUE_COLUMNS
url, count = sys.argv[2], int(sys.argv[3])
pipe = dlt.pipeline("bench", destination=dlt.destinations.postgres(url), dataset_name="bench_dlt",
                    pipelines_dir=sys.argv[4])
def resource(first, n, said):
    made = (dict(zip(VALUE_COLUMNS, row)) for row in rows(first, n, said))
    return dlt.resource(made, name="field_value", write_disposition="merge",
                        primary_key=["part_id", "field", "occurrence", "source"],
                        columns={"polygon": {"data_type": "text"}})
pipe.run(resource(0, count // 2, "before"))
started = time.perf_counter()
pipe.run(resource(0, count, "after"))
print(count / (time.perf_counter() - started))
"""


def dlt_rate(server: Postgresql, python: str, values: int) -> float:
    """Rows a second of dlt's merge of the same rows into a database of the same server."""
    import inspect

    folder = Path(tempfile.mkdtemp(prefix="formpipe-dlt-"))
    head = "from decimal import Decimal\nfrom datetime import date\n"
    constants = f"FIELDS = {FIELDS}\nVALUE_COLUMNS = {VALUE_COLUMNS!r}\n"
    code = inspect.getsource(rows).replace("-> Iterator[Row]", "")
    (folder / "bench_rows.py").write_text(head + constants + code)
    (folder / "run.py").write_text(DLT)
    url = server.create()
    database = make_url(url)
    shown = f"postgresql://postgres:none@localhost/{database.database}?host={database.query['host']}"
    command = [python, str(folder / "run.py"), str(folder), shown, str(values), str(folder / "state")]
    environment = os.environ | {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    server.drop(url)
    shutil.rmtree(folder, ignore_errors=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return float(done.stdout.split()[-1])


# --- the run ----------------------------------------------------------------------------------------------


def on_postgresql(server: Postgresql, values: int, dlt_python: str | None) -> None:
    heading(f"PostgreSQL, {values:,} values, half new, half changed")
    bare = measured(server, bare_postgresql, values)
    mine = measured(server, ours, values)
    copied = measured(server, raw_copy, values)
    figure("this product", mine, unit="values/s")
    figure("the same statements, bare psycopg", bare, unit="values/s")
    figure("raw COPY into an unindexed table", copied, unit="values/s")
    figure("  of the bare statements", mine / bare, BARE_LIMIT)
    figure("  of raw COPY", mine / copied, COPY_LIMIT)
    if dlt_python:
        theirs = dlt_rate(server, dlt_python, values)
        figure("dlt merge of the same rows", theirs, unit="values/s")
        figure("  times dlt", mine / theirs, DLT_LIMIT)
    else:
        print("dlt: not measured; name an interpreter that has dlt[postgres] by --dlt-python")


def on_sqlite(values: int) -> None:
    heading(f"SQLite, {values:,} values, half new, half changed")
    mine = measured(None, ours, values)
    bare = measured(None, bare_sqlite, values, half_there=False)
    figure("this product", mine, unit="values/s")
    figure("bare executemany of inserts, all new", bare, unit="values/s")
    figure("  of the bare inserts", mine / bare, SQLITE_LIMIT)


def on_memory(server: Postgresql | None, values: int) -> None:
    heading("Memory at the highest")
    with database_of(server, values) as engine:
        url = engine.url.render_as_string(hide_password=False)
        few, many = (peak_memory(count, url) for count in (values // 10, values))
    figure(f"{values // 10:,} values", few, unit="MB")
    figure(f"{values:,} values", many, unit="MB")
    figure("  ten times the rows take", many / few, MEMORY_LIMIT, at_most=True, unit="times")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--values", type=int, default=1_000_000)
    parser.add_argument("--dlt-python", help="an interpreter that has dlt[postgres]")
    parser.add_argument("--only-memory", help=argparse.SUPPRESS)
    add_record_option(parser)
    options = parser.parse_args()
    if options.only_memory:
        return only_memory(options.values, options.only_memory)
    # where that interpreter lies is of this machine alone
    sys.argv = ["PYTHON" if each == options.dlt_python else each for each in sys.argv]
    print(machine_line())
    try:
        with running_postgresql() as server:
            on_postgresql(server, options.values, options.dlt_python)
            on_memory(server, options.values)
    except PostgresqlMissingError as error:
        print(error)
    on_sqlite(options.values)
    record(options.record)
    sys.exit(not all_reached())


if __name__ == "__main__":
    main()
