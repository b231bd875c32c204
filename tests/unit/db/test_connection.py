"""URLs as people write them, what each dialect's engine is given, and how it signs in."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.dialects.mssql.pyodbc import MSDialect_pyodbc
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import make_url

from pipeline.db import connection as subject
from pipeline.db.connection import open_database, understood
from pipeline.db.sign_in import (
    SQL_COPT_SS_ACCESS_TOKEN,
    SignIn,
    packed,
    sign_in_by,
    with_password,
    with_token,
)
from pipeline.errors import RowError, RunError
from pipeline.settings import Settings
from pipeline.wiring import open_settings_database, token_of

TOKEN = "eyJ0eXAi.secret-token"
PASSWORD = "pa;ss}word/@"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("postgresql://me@host/db", "postgresql+psycopg"),
        ("postgres://me@host/db", "postgresql+psycopg"),
        ("postgresql+psycopg2://me@host/db", "postgresql+psycopg2"),
        ("mssql://me@host/db", "mssql+pyodbc"),
        ("sqlite:///a.db", "sqlite"),
    ],
)
def test_the_short_names_mean_the_drivers_that_come_along(written: str, meant: str) -> None:
    assert understood(written).drivername == meant


def test_a_sql_server_is_given_microsofts_driver_and_what_bulk_writing_needs() -> None:
    url = understood("mssql://me@host:1433/forms")
    (connected,), _ = MSDialect_pyodbc().create_connect_args(url)
    assert connected == (
        "DRIVER={ODBC Driver 18 for SQL Server};Server=host,1433;Database=forms;UID=me;"
        "Encrypt=yes;LongAsMax=yes;UseFMTONLY=yes"
    )


def test_what_the_url_says_wins_whatever_its_case() -> None:
    url = understood("mssql://me@host/forms?DRIVER=FreeTDS&encrypt=no&UseFMTONLY=no")
    assert dict(url.query) == {"DRIVER": "FreeTDS", "encrypt": "no", "UseFMTONLY": "no", "LongAsMax": "yes"}


@pytest.mark.parametrize("written", ["mssql://a_dsn", "mssql+pyodbc:///?odbc_connect=DRIVER%3Dx"])
def test_a_data_source_and_a_whole_connection_string_stay_as_they_are(written: str) -> None:
    assert understood(written).query == make_url(written).query


def test_the_engine_of_a_sql_server_writes_many_rows_at_once() -> None:
    pyodbc = pytest.importorskip("pyodbc", reason="no libodbc", exc_type=ImportError)
    engine = open_database("mssql://me@host/forms")
    assert engine.dialect.fast_executemany  # type: ignore[attr-defined]
    assert engine.pool._pre_ping and engine.pool._recycle < 1800
    assert pyodbc.pooling is False


@pytest.mark.parametrize(
    "written", ["nonsense", "nosuch://host/db", "postgresql://host:port/db", "sqlite+nosuch:///a.db"]
)
def test_a_url_nobody_understands_is_named_without_being_quoted(written: str) -> None:
    with pytest.raises(RunError, match="FORMPIPE_DATABASE_URL") as raised:
        open_database(written)
    assert raised.value.reason == "database-url"


@pytest.mark.parametrize(
    ("url", "module", "remedy"),
    [
        ("postgresql://me:hush@host/db", "psycopg", r"pip install 'formpipe\[postgresql\]'"),
        ("mssql://me:hush@host/db", "pyodbc", r"pip install 'formpipe\[mssql\]'"),
    ],
)
def test_a_missing_driver_says_what_to_install(
    url: str, module: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RunError, match=remedy) as raised:
        open_database(url)
    assert raised.value.reason == "database-driver"
    assert "hush" not in str(raised.value)


def test_a_pyodbc_without_libodbc_says_to_install_unixodbc_and_the_driver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: object) -> Engine:
        raise ImportError("libodbc.so.2: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(subject, "_open_odbc", fail)
    with pytest.raises(RunError, match=r"unixODBC.*ODBC Driver 18 for SQL Server"):
        open_database("mssql://me@host/db")


def _recorded(engine: Engine, sign_in: SignIn) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """What two connections to a server would be made of."""
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    class ReachedError(Exception):
        pass

    def connect(*args: Any, **options: Any) -> Any:
        calls.append((args, options))
        raise ReachedError

    sign_in_by(engine, sign_in)
    engine.dialect.connect = connect  # type: ignore[method-assign]
    for _ in range(2):
        with pytest.raises(ReachedError):
            engine.raw_connection()
    return calls


class _Server:
    """Stands for a driver's module, where none is loaded."""

    paramstyle = "qmark"
    version = "5.1.0"

    class Error(Exception):
        pass

    class Cursor:
        pass


def _sql_server(url: str) -> Engine:
    return create_engine(understood(url), module=_Server, connect_args={"timeout": 30})


def test_a_token_is_taken_for_each_connection_and_no_other_sign_in_is_left_beside_it() -> None:
    asked: list[str] = []

    def token(scope: str) -> str:
        asked.append(scope)
        return f"{TOKEN}-{len(asked)}"

    engine = _sql_server("mssql://me:old@host/forms?Authentication=ActiveDirectoryMsi")
    first, second = _recorded(engine, SignIn(token=token))
    assert asked == ["https://database.windows.net/.default"] * 2
    (connected,), options = first
    assert connected.startswith(
        "DRIVER={ODBC Driver 18 for SQL Server};Server=host;Database=forms;Encrypt=yes"
    )
    for word in ("UID", "PWD", "Trusted_Connection", "Authentication"):
        assert word not in connected
    assert options == {"timeout": 30, "attrs_before": {SQL_COPT_SS_ACCESS_TOKEN: packed(f"{TOKEN}-1")}}
    assert second[1]["attrs_before"] == {SQL_COPT_SS_ACCESS_TOKEN: packed(f"{TOKEN}-2")}


def test_a_token_beside_a_whole_connection_string() -> None:
    url = make_url(
        "mssql+pyodbc:///?odbc_connect=UID%3Dme%3BPWD%3D%7Ba%3B%7D%7Db%7D%3BServer%3Dhost%3BPort%3D1"
    )
    (connected,), _ = with_token(MSDialect_pyodbc(), url, TOKEN)
    assert connected == ";Server=host;Port=1"


def test_a_token_is_packed_as_the_driver_takes_it() -> None:
    assert packed("ab") == struct.pack("<I", 4) + b"a\0b\0"


def test_a_token_is_the_password_of_a_postgresql_on_azure() -> None:
    engine = create_engine(understood("postgresql://me@host/forms"))
    scopes: list[str] = []

    def token(scope: str) -> str:
        scopes.append(scope)
        return TOKEN

    (_, options), _ = _recorded(engine, SignIn(token=token))
    assert (options["user"], options["password"], options["host"]) == ("me", TOKEN, "host")
    assert scopes[0] == "https://ossrdbms-aad.database.windows.net/.default"


def test_a_password_of_a_secret_is_looked_up_for_each_connection_and_is_in_no_url() -> None:
    passwords = iter([PASSWORD, "rotated"])
    engine = _sql_server("mssql://me@host/forms")
    first, second = _recorded(engine, SignIn(password=lambda: next(passwords)))
    assert "UID=me;PWD={pa;ss}}word/@};" in first[0][0]
    assert "PWD=rotated;" in second[0][0]
    assert PASSWORD not in repr(engine) + engine.url.render_as_string(hide_password=False)


def test_a_password_beside_a_whole_connection_string_and_for_postgresql() -> None:
    url = make_url("mssql+pyodbc:///?odbc_connect=Server%3Dhost%3BUID%3Dme")
    (connected,), _ = with_password(MSDialect_pyodbc(), url, PASSWORD)
    assert connected == "Server=host;UID=me;PWD={pa;ss}}word/@}"
    _, options = with_password(PGDialect_psycopg(), make_url("postgresql+psycopg://me@host/f"), PASSWORD)
    assert options["password"] == PASSWORD


def test_what_a_secret_lacks_is_told_as_it_is() -> None:
    def missing() -> str:
        raise RowError("there is no secret DatabasePassword", reason="secret-missing")

    engine = _sql_server("mssql://me@host/forms")
    sign_in_by(engine, SignIn(password=missing))
    with pytest.raises(RowError, match="no secret DatabasePassword"):
        engine.connect()


def test_a_file_is_not_signed_in_to() -> None:
    with pytest.raises(RunError, match="sqlite has no sign-in"):
        open_database("sqlite:///a.db", SignIn(password=lambda: "x"))


class _Credential:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def get_token(self, scope: str) -> Any:
        if self.error is not None:
            raise self.error
        return type("Token", (), {"token": f"{TOKEN} for {scope}"})


def test_tokens_come_of_a_credential_by_scope() -> None:
    assert token_of(_Credential())("s") == f"{TOKEN} for s"  # type: ignore[arg-type]


def test_a_credential_that_has_none_is_told_without_what_it_quotes() -> None:
    token = token_of(_Credential(ValueError(f"refused {TOKEN}")))  # type: ignore[arg-type]
    with pytest.raises(RunError, match="az login") as raised:
        token("scope")
    assert TOKEN not in str(raised.value) and raised.value.__cause__ is None
    assert raised.value.reason == "database-sign-in"


def test_a_sign_in_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    engine = create_engine("postgresql+psycopg://me@host/f", echo="debug")
    heard: list[object] = []
    event.listen(engine, "connect", lambda *given: heard.append(given))
    _recorded(engine, SignIn(token=lambda _: TOKEN))
    shown = capsys.readouterr()
    assert TOKEN not in shown.out + shown.err + repr(engine) + repr(SignIn(token=lambda _: TOKEN))
    assert heard == []


def test_the_settings_name_the_secret_of_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(
        database_url=SecretStr("postgresql://me@host/forms"),
        database_password_secret="FormsDatabasePassword",
        dotenv_file=tmp_path / ".env",
    )
    engine = open_settings_database(settings)
    with pytest.raises(RowError, match="FormsDatabasePassword"):
        engine.connect()
    given: list[str] = []

    def connect(**options: str) -> Any:
        given.append(options["password"])
        raise ConnectionError

    engine.dialect.connect = connect  # type: ignore[method-assign]
    for value in ("first", "rotated"):
        monkeypatch.setenv("FORMS_DATABASE_PASSWORD", value)
        with pytest.raises(ConnectionError):
            engine.raw_connection()
    assert given == ["first", "rotated"]
