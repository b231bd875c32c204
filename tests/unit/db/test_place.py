from __future__ import annotations

from pathlib import Path
from urllib.parse import quote_plus

import pytest
from sqlalchemy import make_url

from pipeline.db.place import locate

SECRET = "s3cr3t"
ODBC = quote_plus(
    f"Driver={{ODBC Driver 18 for SQL Server}};Server=tcp:acme.database.windows.net,1433;Database=forms;"
    f"Uid=loader;Pwd={SECRET}"
)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            f"postgresql+psycopg://loader:{SECRET}@db.acme.com:5433/forms",
            "postgresql: forms on db.acme.com:5433",
        ),
        (
            f"postgresql+psycopg://loader@/forms?host=/run/pg&password={SECRET}",
            "postgresql: forms on /run/pg",
        ),
        (f"mssql+pyodbc://sa:{SECRET}@sql.acme.com/forms?driver=x", "mssql: forms on sql.acme.com"),
        (f"mssql+pyodbc:///?odbc_connect={ODBC}", "mssql: forms on tcp:acme.database.windows.net,1433"),
        (f"mssql+pyodbc://loader:{SECRET}@a_dsn", "mssql: (default) on a_dsn"),
        ("sqlite://", "sqlite: (in memory)"),
        (f"sqlite:///file:x.db?key={SECRET}&uri=true", "sqlite: (by URI)"),
    ],
)
def test_a_place_is_told_without_its_secrets(url: str, shown: str) -> None:
    place = locate(make_url(url))
    assert str(place) == shown
    assert SECRET not in repr(place)


def test_a_file_is_told_with_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate(make_url("sqlite:///forms.db")).database == str(tmp_path / "forms.db")
