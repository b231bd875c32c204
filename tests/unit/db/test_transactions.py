"""When a transaction is done again, when it ends, and that nothing of it stays in between."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from pipeline.db.faults import cause_of, fault_of
from pipeline.db.transactions import consult, transact
from pipeline.errors import RowError, RunError


def _postgresql(state: str | None, told: str = "") -> DBAPIError:
    original = type("OperationalError", (Exception,), {"sqlstate": state})(told)
    return OperationalError("statement", None, original)


def _odbc(state: str, told: str) -> DBAPIError:
    kind = type("Error", (Exception,), {"__module__": "pyodbc"})
    return DBAPIError("statement", None, kind(state, told))


def _sqlite(name: str) -> DBAPIError:
    original = sqlite3.OperationalError("as SQLite says it")
    original.sqlite_errorcode, original.sqlite_errorname = getattr(sqlite3, name), name
    return OperationalError("statement", None, original)


SERVER = "[42000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]"


@pytest.mark.parametrize(
    ("error", "reason", "repeat"),
    [
        (_postgresql("40P01"), "database-busy", True),
        (_postgresql("40001"), "database-busy", True),
        (_postgresql("55P03"), "database-busy", True),
        (_postgresql("08006"), "database-unreachable", True),
        (_postgresql("57P01"), "database-unreachable", True),
        (_postgresql("57P03"), "database-unreachable", True),
        (_postgresql("53300"), "database-crowded", True),
        (_postgresql("53100"), "database-full", False),
        (_postgresql("25006"), "database-read-only", False),
        (_postgresql("42501"), "database-forbidden", False),
        (_postgresql("28P01"), "database-sign-in", False),
        (_postgresql("3D000"), "database-missing", False),
        (_postgresql(None, "FATAL: sorry, too many clients already"), "database-crowded", True),
        (_postgresql(None, 'FATAL: database "x" does not exist'), "database-missing", False),
        (_postgresql(None, 'FATAL: password authentication failed for user "x"'), "database-sign-in", False),
        (_postgresql(None, "connection refused"), "database-unreachable", True),
        (_sqlite("SQLITE_BUSY"), "database-busy", True),
        (_sqlite("SQLITE_BUSY_SNAPSHOT"), "database-busy", True),
        (_sqlite("SQLITE_LOCKED"), "database-busy", True),
        (_sqlite("SQLITE_FULL"), "database-full", False),
        (_sqlite("SQLITE_READONLY_DBMOVED"), "database-read-only", False),
        (_sqlite("SQLITE_CANTOPEN"), "database-unopened", False),
        (_sqlite("SQLITE_NOTADB"), "database-damaged", False),
        (_odbc("40001", f"{SERVER}Transaction (Process ID 52) was deadlocked. (1205) (SQLExecute)"),
         "database-busy", True),
        (_odbc("42000", f"{SERVER}Lock request time out period exceeded. (1222) (SQLExecute)"),
         "database-busy", True),
        (_odbc("08S01", "[08S01] [Microsoft]Communication link failure (0) (SQLExecute)"),
         "database-unreachable", True),
        (_odbc("HYT00", "[HYT00] [Microsoft]Login timeout expired (0) (SQLDriverConnect)"),
         "database-unreachable", True),
        (_odbc("42000", f"{SERVER}Database is not currently available. (40613) (SQLDriverConnect)"),
         "database-unreachable", True),
        (_odbc("42000", f"{SERVER}The service is currently busy. (40501) (SQLExecute)"),
         "database-crowded", True),
        (_odbc("42000", f"{SERVER}The request limit is 60. (10928) (SQLExecute)"), "database-crowded", True),
        (_odbc("42000", f"{SERVER}Cannot open database 'x'. (4060) (SQLDriverConnect); "
                        f"{SERVER}Cannot open database 'x'. (4060)"), "database-missing", True),
        (_odbc("42000", f"{SERVER}Could not allocate space. (1105) (SQLExecute)"), "database-full", False),
        (_odbc("42000", f"{SERVER}The transaction log is full. (9002) (SQLExecute)"), "database-full", False),
        (_odbc("42000", f"{SERVER}The database is read-only. (3906) (SQLExecute)"),
         "database-read-only", False),
        (_odbc("42000", f"{SERVER}The INSERT permission was denied. (229) (SQLExecute)"),
         "database-forbidden", False),
        (_odbc("28000", f"{SERVER}Login failed for user 'x'. (18456) (SQLDriverConnect)"),
         "database-sign-in", False),
        (_odbc("42000", f"{SERVER}Client is not allowed to access the server. (40615) (SQLDriverConnect)"),
         "database-sign-in", False),
        (_odbc("01000", "[01000] [unixODBC][Driver Manager]Can't open lib 'ODBC Driver 18 for SQL Server' : "
                        "file not found (0) (SQLDriverConnect)"), "database-driver", False),
        (_odbc("IM002", "[IM002] [unixODBC]Data source name not found (0) (SQLDriverConnect)"),
         "database-driver", False),
    ],
)  # fmt: skip
def test_what_an_error_means(error: DBAPIError, reason: str, repeat: bool) -> None:
    fault = fault_of(error)
    assert fault is not None and (fault.reason, fault.repeat) == (reason, repeat)


@pytest.mark.parametrize(
    "error",
    [
        _postgresql("23505"),
        _postgresql("42P01"),
        _sqlite("SQLITE_CONSTRAINT"),
        _odbc("23000", f"{SERVER}Violation. The duplicate key value is (1205). (2627) (SQLExecute)"),
        _odbc("42S02", f"{SERVER}Invalid object name 'x'. (208) (SQLExecute)"),
    ],
)
def test_mistakes_of_the_program_or_the_data_are_no_faults_of_the_database(error: DBAPIError) -> None:
    assert fault_of(error) is None


def test_a_connection_that_sqlalchemy_found_dead_is_lost_whatever_the_driver_said() -> None:
    error = DBAPIError("statement", None, Exception("gone"), connection_invalidated=True)
    fault = fault_of(error)
    assert fault is not None and fault.reason == "database-unreachable"


def test_a_cause_is_a_class_and_a_code_and_quotes_nothing() -> None:
    assert cause_of(_postgresql("53100", "secret")) == "OperationalError 53100"
    assert cause_of(_odbc("42000", f"{SERVER}secret (1105) (SQLExecute)")) == "Error 1105"
    assert cause_of(_sqlite("SQLITE_FULL")) == "OperationalError SQLITE_FULL"


def test_a_cause_tells_what_names_hosts_users_and_objects_and_no_further_line() -> None:
    server = 'connection to server at "db", port 5432 failed: '
    refused = _postgresql(None, f"connection failed: {server}Connection refused\n\tIs it running?")
    assert cause_of(refused) == f"OperationalError: {server}Connection refused"
    forbidden = _postgresql("42501", "permission denied for table form_type\nDETAIL: secret")
    assert cause_of(forbidden) == "OperationalError 42501: permission denied for table form_type"
    assert cause_of(_postgresql(None, "sending secret failed")) == "OperationalError"


def test_a_password_that_was_not_given_is_told_from_a_wrong_one() -> None:
    server = 'connection failed: connection to server at "db", port 5432 failed: '
    given = fault_of(_postgresql(None, f'{server}FATAL:  password authentication failed for user "me"'))
    none = fault_of(_postgresql(None, f"{server}fe_sendauth: no password supplied"))
    assert given is not None and none is not None
    assert given.reason == none.reason == "database-sign-in"
    assert "was given none" in none.remedy and "was given none" not in given.remedy


class Work:
    """Writes a row, then fails as often as it is told, before it is committed."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.tries = 0

    def __call__(self, connection: Connection) -> int:
        self.tries += 1
        connection.execute(text("INSERT INTO notes VALUES (:n)"), {"n": self.tries})
        if self.errors:
            raise self.errors.pop(0)
        return self.tries


@pytest.fixture
def notes(database: Engine) -> Callable[[], list[int]]:
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE notes (n INTEGER)"))
    return lambda: consult(database, lambda connection: list(connection.scalars(text("SELECT n FROM notes"))))


def test_a_conflict_and_a_lost_connection_are_done_again_as_a_whole(
    database: Engine, notes: Callable[[], list[int]]
) -> None:
    waits: list[float] = []
    work = Work(_postgresql("40P01"), _postgresql("57P01"))
    assert transact(database, work, sleep=waits.append) == 3
    assert notes() == [3]
    assert len(waits) == 2 and waits[0] <= 0.2 and waits[1] <= 0.4


def test_what_does_not_pass_ends_with_its_name_after_growing_waits(
    database: Engine, notes: Callable[[], list[int]]
) -> None:
    waits: list[float] = []
    work = Work(*[_postgresql("57P01", "said 'a value'")] * 20)
    with pytest.raises(RunError, match="does not answer") as raised:
        transact(database, work, attempts=9, sleep=waits.append)
    assert (raised.value.reason, work.tries) == ("database-unreachable", 9)
    assert "a value" not in str(raised.value)
    assert all(wait <= min(15, 0.2 * 2**number) for number, wait in enumerate(waits))
    assert notes() == []


def test_what_a_person_must_mend_is_not_tried_again(database: Engine, notes: Callable[[], list[int]]) -> None:
    work = Work(_postgresql("53100"))
    with pytest.raises(RunError, match="no room left") as raised:
        transact(database, work, sleep=_never)
    assert (raised.value.reason, work.tries, notes()) == ("database-full", 1, [])


@pytest.mark.parametrize(
    "error", [RowError("lost", reason="lease-lost"), _postgresql("23505"), KeyError("x")]
)
def test_our_errors_and_mistakes_come_through_at_once(
    database: Engine, notes: Callable[[], list[int]], error: Exception
) -> None:
    work = Work(error)
    with pytest.raises(type(error)) as raised:
        transact(database, work, sleep=_never)
    assert (raised.value, work.tries, notes()) == (error, 1, [])


def test_a_violated_constraint_stays_what_it_is(database: Engine) -> None:
    with pytest.raises(IntegrityError):
        transact(database, lambda c: c.execute(text("INSERT INTO run (state) VALUES (NULL)")), sleep=_never)


def test_reading_is_done_again_too(database: Engine) -> None:
    errors = [_postgresql("57P01")]

    def query(connection: Connection) -> int:
        if errors:
            raise errors.pop()
        return connection.execute(text("SELECT 7")).scalar_one()

    assert consult(database, query, sleep=lambda _: None) == 7


def _never(_: float) -> None:
    raise AssertionError("nothing is waited for")
