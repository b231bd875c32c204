"""The pieces of the Spark executor that need no Spark."""

from __future__ import annotations

import builtins
import pickle
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from pipeline.crews import open_crew, require_no_password, require_reachable, travelling
from pipeline.db.connection import open_database
from pipeline.errors import RunError
from pipeline.executors import spark
from pipeline.executors.spark import Call, is_connect, is_local, java_version, require_java, tried_again
from pipeline.orchestrator.orders import HandReport
from pipeline.settings import Settings, load_settings
from pipeline.wiring import open_app


@pytest.mark.parametrize(
    ("master", "local"),
    [("local", True), ("local[2]", True), ("local[*,4]", True), ("local-cluster[2,1,1024]", True),
     ("spark://localhost:7077", False), ("yarn", False), ("sc://localhost", False), (None, False)],
)  # fmt: skip
def test_which_masters_are_on_this_machine(master: str | None, local: bool) -> None:
    assert is_local(master) is local


@pytest.mark.parametrize(
    ("master", "found"),
    [("local", "local[1,4]"), ("local[2]", "local[2,4]"), ("local[*]", "local[*,4]"),
     ("local[2,1]", "local[2,1]"), ("local-cluster[2,1,1024]", "local-cluster[2,1,1024]"), ("spark://h:7077", "spark://h:7077")],
)  # fmt: skip
def test_a_local_master_tries_a_task_again_too(master: str, found: str) -> None:
    assert tried_again(master) == found


@pytest.mark.parametrize(
    ("said", "version"),
    [('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime', 17), ('java version "1.8.0_392"', 8),
     ('openjdk version "21" 2023-09-19', 21), ("no such thing", None)],
)  # fmt: skip
def test_the_version_of_java(said: str, version: int | None) -> None:
    assert java_version(said) == version


def a_java(folder: Path, said: str) -> dict[str, str]:
    """An environment whose only Java says this of itself."""
    (folder / "bin").mkdir()
    java = folder / "bin" / "java"
    java.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    java.chmod(0o755)
    return {"PATH": f"{folder / 'bin'}:/bin:/usr/bin"}


def test_an_old_java_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"needs Java 17 or newer.* is 11") as raised:
        require_java(a_java(tmp_path, 'openjdk version "11.0.2" 2019-01-15'))
    assert raised.value.reason == "java-too-old"


def test_a_java_that_is_new_enough(tmp_path: Path) -> None:
    environment = a_java(tmp_path, 'openjdk version "21.0.1"')
    require_java(environment)
    require_java({"JAVA_HOME": str(tmp_path), "PATH": ""})


@pytest.mark.parametrize("environment", [{"PATH": "/nowhere"}, {"PATH": "/bin", "JAVA_HOME": "/nowhere"}])
def test_no_java_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(RunError, match="JAVA_HOME") as raised:
        require_java(environment)
    assert raised.value.reason == "java-missing"


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name.startswith("pyspark"):
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(RunError, match=r"pip install 'formpipe\[spark\]'") as raised:
        spark.open_spark("local[2]")
    assert raised.value.reason == "spark-not-installed"


def test_connect_needs_no_java() -> None:
    assert is_connect("sc://host", {})
    assert is_connect(None, {"SPARK_REMOTE": "sc://host"})
    assert not is_connect("local[2]", {})


def test_a_number_is_the_task_of_that_number() -> None:
    call = Call(lambda setup, task: f"{setup}-{task}", "bills", ("a", "b"))
    assert [call(0), call(1)] == ["bills-a", "bills-b"]


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:hunter2@h/d", "postgresql://u@h/d?password=hunter2", "mssql://h/d?PWD=hunter2",
     "mssql+pyodbc:///?odbc_connect=Driver%3Dx%3BPWD%3Dhunter2"],
)  # fmt: skip
def test_a_password_does_not_travel(url: str) -> None:
    with pytest.raises(RunError, match="FORMPIPE_DATABASE_PASSWORD_SECRET") as raised:
        require_no_password(load_settings(database_url=url))
    assert raised.value.reason == "spark-database-password"
    assert "hunter2" not in str(raised.value)


def test_a_name_without_a_password_travels() -> None:
    require_no_password(load_settings(database_url="postgresql://u@h/d?host=/tmp/socket"))


def test_a_file_of_this_machine_is_refused_to_other_machines(database: Engine) -> None:
    settings = load_settings(database_url="sqlite:///formpipe.db")
    require_reachable(settings, database, "local-cluster[2,1,1024]")
    for master in ("spark://h:7077", None):
        with pytest.raises(RunError, match="PostgreSQL or SQL Server") as raised:
            require_reachable(settings, database, master)
        assert raised.value.reason == "spark-database-local"


def test_a_folder_of_this_machine_is_refused_to_other_machines() -> None:
    server = open_database("postgresql://u@h/d")
    settings = load_settings(database_url="postgresql://u@h/d", storage="folder")
    require_reachable(settings, server, "local[2]")
    with pytest.raises(RunError, match="FORMPIPE_SPARK_STORAGE_SHARED") as raised:
        require_reachable(settings, server, "yarn")
    assert raised.value.reason == "spark-storage-local"
    require_reachable(settings.model_copy(update={"spark_storage_shared": True}), server, "yarn")
    require_reachable(settings.model_copy(update={"storage": "azure-blob"}), server, "yarn")


def test_settings_travel_whole_with_paths_that_hold_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(min_confidence=0.7, workers=8)
    database = open_database(settings.database_url.get_secret_value())
    values = pickle.loads(pickle.dumps(travelling(settings, database)))
    monkeypatch.chdir("/")
    there = Settings.model_construct(**values)
    assert there.database_url.get_secret_value() == f"sqlite:///{tmp_path / 'formpipe.db'}"
    assert (there.storage_root, there.dotenv_file) == (tmp_path / "data", tmp_path / ".env")
    assert (there.min_confidence, there.workers, there.executor) == (0.7, 1, "local")
    assert set(values) == set(Settings.model_fields)


def test_no_crew_where_nobody_asked_for_spark(tmp_path: Path) -> None:
    app = open_app(load_settings(database_url=f"sqlite:///{tmp_path / 'a.db'}"), upgrade=True)
    with open_crew(app) as crew:
        assert crew is None
    app.database.dispose()


def test_a_report_comes_back_as_it_was() -> None:
    report = HandReport(("throttled", "later"), "max_pages 5", 1, 2, 3, ("a.pdf with 9 pages",), {"Total": 4})
    assert HandReport.of(report.plain()) == report
    assert HandReport.of(HandReport().plain()) == HandReport()
