"""What a database's refusal means: to be done again, or to be mended by a person first.

Codes: PostgreSQL's SQLSTATEs (documentation, appendix A), SQLite's primary result codes, SQL Server's
numbers of `sys.messages`; those of Azure SQL that pass (Microsoft Learn, "Troubleshoot transient connection
errors", and SqlClient's list of transient errors).
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from pipeline.errors import RunError


@dataclass(frozen=True, slots=True)
class DatabaseFault:
    """`reason` and `remedy` are for a person; `repeat`: the transaction may be done again as a whole, on
    whichever connection the pool finds alive."""

    reason: str
    remedy: str
    repeat: bool = False

    def ends_run(self, cause: str) -> RunError:
        """What to raise when nothing more is tried; `cause` names the error, without values."""
        return RunError(f"{self.remedy} ({cause})", reason=self.reason)


CONFLICT = DatabaseFault(
    "database-busy",
    "other sessions kept the database locked for too long: end what holds a transaction open, run again",
    repeat=True,
)
LOST = DatabaseFault(
    "database-unreachable",
    "the database does not answer: check that the server runs, that database_url names it and that its "
    "firewall lets this machine in; what was committed stays, run again",
    repeat=True,
)
CROWDED = DatabaseFault(
    "database-crowded",
    "the database takes no more connections or work: end sessions nobody needs, or raise its limits",
    repeat=True,
)
MISSING = DatabaseFault(
    "database-missing",
    "there is no such database on the server, or this user may not open it: create it, or mend the name in "
    "database_url",
)
MISSING_OR_AWAY = DatabaseFault(MISSING.reason, MISSING.remedy, repeat=True)
"""SQL Server's 4060 is also what Azure SQL says while a database moves."""
FULL = DatabaseFault(
    "database-full",
    "the database has no room left: free some or raise its limit; what was committed stays, run again",
)
READ_ONLY = DatabaseFault(
    "database-read-only",
    "the database cannot be written to: let this user write its file and folder, or name the primary server "
    "in database_url, no read-only copy of it",
)
FORBIDDEN = DatabaseFault(
    "database-forbidden", "the database user lacks a permission: have it granted, then run again"
)
LOGIN = DatabaseFault(
    "database-sign-in",
    "the database refused the sign-in: mend the user in database_url, or the password or token it signs in "
    "with (database_password_secret names the secret), and check the server's firewall",
)
NO_PASSWORD = DatabaseFault(
    LOGIN.reason,
    "the database asks for a password and was given none: name the secret that holds it in "
    "database_password_secret",
)
DRIVER = DatabaseFault(
    "database-driver",
    "the ODBC driver cannot be loaded: install unixODBC and Microsoft's ODBC Driver 18 for SQL Server, or "
    "name an installed one in the URL (?driver=...)",
)
DAMAGED = DatabaseFault(
    "database-damaged", "the file is no SQLite database, or damaged: name another file, or restore a backup"
)
UNOPENED = DatabaseFault(
    "database-unopened",
    "the SQLite file cannot be opened or read: check that its folder is there and that this user may use it",
)

_POSTGRESQL: Mapping[str, DatabaseFault] = {
    **dict.fromkeys(("40001", "40P01", "55P03"), CONFLICT),
    **dict.fromkeys(("57P01", "57P02", "57P03", "57P05", "25P03"), LOST),
    "53300": CROWDED,
    "53100": FULL,
    "25006": READ_ONLY,
    "42501": FORBIDDEN,
    **dict.fromkeys(("28000", "28P01"), LOGIN),
    "3D000": MISSING,
}
_POSTGRESQL_SAYS = (
    (re.compile(r"no password supplied"), NO_PASSWORD),
    (re.compile(r"too many (clients|connections)|remaining connection slots", re.I), CROWDED),
    (re.compile(r'database ".*" does not exist'), MISSING),
    (re.compile(r'authentication failed|role ".*" does not exist|pg_hba\.conf'), LOGIN),
    (re.compile(r"permission denied for database", re.I), FORBIDDEN),
)
"""libpq gives no SQLSTATE for what fails while connecting, only the server's words."""
_UNMADE = re.compile(
    r"connection failed: |connection is bad: |(?=connection timeout expired|failed to resolve)"
)

_SQLITE: Mapping[int, DatabaseFault] = {
    sqlite3.SQLITE_BUSY: CONFLICT,
    sqlite3.SQLITE_LOCKED: CONFLICT,
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_PERM: FORBIDDEN,
    sqlite3.SQLITE_AUTH: FORBIDDEN,
    sqlite3.SQLITE_CANTOPEN: UNOPENED,
    sqlite3.SQLITE_IOERR: UNOPENED,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
}
_PRIMARY = 0xFF
"""The low byte of an extended result code is the primary one."""

_MSSQL: Mapping[int, DatabaseFault] = {
    **dict.fromkeys((1204, 1205, 1222, 3960, 41301, 41302, 41305, 41325), CONFLICT),
    **dict.fromkeys((64, 121, 233, 10053, 10054, 10060, 4221), LOST),
    **dict.fromkeys((40143, 40197, 40540, 40613, 42108, 42109), LOST),
    **dict.fromkeys((10928, 10929, 17809, 40501, 49918, 49919, 49920), CROWDED),
    4060: MISSING_OR_AWAY,
    911: MISSING,
    **dict.fromkeys((1101, 1105, 9002, 40544), FULL),
    **dict.fromkeys((3906, 3908), READ_ONLY),
    **dict.fromkeys((229, 230, 262, 297, 300, 916), FORBIDDEN),
    **dict.fromkeys((18452, 18456, 18470, 18486, 18487, 18488, 40532, 40615), LOGIN),
}
_ODBC: Mapping[str, DatabaseFault] = {
    **dict.fromkeys(("40001", "40003"), CONFLICT),
    **dict.fromkeys(("08001", "08002", "08003", "08004", "08007", "08S01", "HYT00", "HYT01"), LOST),
    "28000": LOGIN,
    "IM002": DRIVER,
    "IM003": DRIVER,
}
_NUMBER = re.compile(r"\((\d+)\)(?=\s*(?:\(SQL|;|$))")
"""Where the driver puts the server's number: `[...]text (1205) (SQLExecDirectW)`."""


def ended_by(error: BaseException) -> RunError | None:
    """What a run or a command ends with for this error, where it is a database's trouble; else None."""
    if not isinstance(error, DBAPIError):
        return None
    fault = fault_of(error)
    return fault.ends_run(cause_of(error)) if fault else None


def fault_of(error: DBAPIError) -> DatabaseFault | None:
    """What an error of any dialect means; None for what is a mistake of the program or of the data."""
    known = _named(error.orig)
    if known is None and error.connection_invalidated:
        return LOST
    return known


def _named(original: object) -> DatabaseFault | None:
    if isinstance(original, sqlite3.Error):
        return _SQLITE.get(getattr(original, "sqlite_errorcode", 0) & _PRIMARY)
    if hasattr(original, "sqlstate"):
        return _of_postgresql(original.sqlstate, str(original), type(original).__name__)
    if type(original).__module__.startswith("pyodbc"):
        return _of_odbc(getattr(original, "args", ()))
    return None


def _of_postgresql(state: str | None, told: str, kind: str) -> DatabaseFault | None:
    if state is not None:
        return LOST if state.startswith("08") else _POSTGRESQL.get(state)
    said = next((fault for pattern, fault in _POSTGRESQL_SAYS if pattern.search(told)), None)
    if said is None and kind in ("OperationalError", "ConnectionTimeout"):
        return LOST
    return said


def _of_odbc(arguments: tuple[object, ...]) -> DatabaseFault | None:
    """The server's number says more than ODBC's state; the first one that is known counts."""
    state, told = (*map(str, arguments), "", "")[:2]
    numbers = (int(number) for number in _NUMBER.findall(told))
    by_number = next((_MSSQL[number] for number in numbers if number in _MSSQL), None)
    if by_number is None and state == "01000" and "open lib" in told:
        return DRIVER
    return by_number or _ODBC.get(state)


def cause_of(error: DBAPIError) -> str:
    """The error's class and code, for a message. Of its text, which may quote values, only what names
    hosts, users and objects."""
    original = error.orig
    told = _told_without_values(original)
    code = (
        getattr(original, "sqlstate", None)
        or getattr(original, "sqlite_errorname", None)
        or next(iter(_codes(original)), None)
    )
    named = f"{type(original).__name__} {code}" if code else type(original).__name__
    return f"{named}: {told}" if told else named


def _told_without_values(original: object) -> str:
    """PostgreSQL's first line on a connection that was not made (libpq, no SQLSTATE) or a permission that
    lacks (42501): they come before any row is looked at."""
    if not hasattr(original, "sqlstate"):
        return ""
    told = str(original).strip().partition("\n")[0]
    if original.sqlstate == "42501":
        return told
    unmade = _UNMADE.match(told) if original.sqlstate is None else None
    return told[unmade.end() :] if unmade else ""


def _codes(original: object) -> list[str]:
    if not type(original).__module__.startswith("pyodbc"):
        return []
    state, told = (*map(str, getattr(original, "args", ())), "", "")[:2]
    return [*_NUMBER.findall(told), state]
