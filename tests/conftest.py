"""Fixtures shared by every suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine

from pipeline.db import schema
from pipeline.db.connection import open_database

if TYPE_CHECKING:
    from tests.azure.azurite import Azurite
    from tests.azure.cosmos import Cosmos
    from tests.azure.emulator import Emulator
    from tests.azure.lake import Forms
    from tests.azure.vault import Vault
    from tests.databases.postgresql import Postgresql
    from tests.databricks.workspace import Workspace

ROOT = Path(__file__).parents[1]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a server run in one process, which starts it once."""
    for item in items:
        servers = {"azurite", "cosmos_server", "emulator"} & set(getattr(item, "fixturenames", ()))
        if servers and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group("services"))


@pytest.fixture(scope="session")
def shared_forms() -> Path:
    """Real forms that are kept beside the project, not in it."""
    folder = ROOT.parent / "shared" / "forms"
    if not folder.is_dir():
        pytest.skip("the real forms (../shared/forms) are not on this machine")
    return folder


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """A real blob server with two accounts."""
    from tests.azure.azurite import AzuriteMissingError, running_azurite

    try:
        with running_azurite(tmp_path_factory.mktemp("azurite")) as running:
            yield running
    except AzuriteMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def cosmos_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cosmos]:
    """A server that speaks Cosmos DB's API."""
    from tests.azure.cosmos import running_cosmos
    from tests.azure.npm import PackageMissingError

    try:
        with running_cosmos(tmp_path_factory.mktemp("cosmos")) as running:
            yield running
    except PackageMissingError as error:
        pytest.skip(str(error))


@pytest.fixture
def cosmos(cosmos_server: Cosmos) -> Cosmos:
    """The server without refusals and counts of an earlier test."""
    cosmos_server.refusals.clear()
    cosmos_server.requests.clear()
    return cosmos_server


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """The emulator as a user starts it; tests end the fault plans they put in force."""
    from tests.azure.emulator import running_emulator

    with running_emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="session")
def forms(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Forms:
    """A small labelled set of each of the demo's form types, and documents to analyze."""
    from tests.azure.lake import Forms, small_lake, upload

    root = tmp_path_factory.mktemp("lake")
    small_lake(root)
    upload(root, azurite.first)
    found = Forms(root, azurite.first)
    for form_type in ("purchase_invoice", "supplier_registration"):
        found.put_layouts(form_type)
    return found


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    """An empty Key Vault, with this process signed in to it as a user would be."""
    from tests.azure.vault import running_vault

    with running_vault(tmp_path / "vault", {}) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A Databricks workspace with an empty secret scope, this process signed in to it as a user would be."""
    from tests.databricks.workspace import running_workspace

    with running_workspace() as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """A real PostgreSQL server; `create()` gives a database of it."""
    from tests.databases.postgresql import PostgresqlMissingError, running_postgresql

    try:
        with running_postgresql() as running:
            yield running
    except PostgresqlMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", "postgresql", "mssql"])
def each_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database with the newest schema and nothing in it, of each dialect that can be had here."""
    from tests.databases.dialects import empty_database

    with empty_database(request, tmp_path) as engine:
        yield engine


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    """An empty SQLite database with the newest schema."""
    engine = open_database(f"sqlite:///{tmp_path / 'formpipe.db'}")
    schema.upgrade(engine)
    yield engine
    engine.dispose()
