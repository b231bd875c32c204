"""The whole product on another database than SQLite: an empty one, the demo on it, and then every command,
which must say what it says on SQLite. SQL Server takes part where FORMPIPE_TEST_MSSQL_URL is set."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from bench.demo import Cell, cells
from pipeline.cli.main import app
from pipeline.db import documents, schema
from pipeline.db.connection import open_database
from pipeline.db.views import refresh_view, view_name
from pipeline.demo import write_lake
from pipeline.demo.design import FormDesign
from pipeline.demo.lake import DESIGNS
from pipeline.errors import FormpipeError
from pipeline.types import BacklogDocument, BlobRef, DocumentResult, ExtractedField, ScoredValue
from pipeline.values.normalise import normalise
from tests.acceptance.conftest import COMMAND, ROOT
from tests.databases.dialects import MSSQL_URL
from tests.databases.spoken import Spoken, faults, listening
from tests.unit.conftest import START, Ledger

pytestmark = pytest.mark.xdist_group("demo-elsewhere")  # which is made once

INVOICE = "purchase_invoice"
FORM_TYPES = (INVOICE, "service_report", "supplier_registration")
OTHERS = ["postgresql", "mssql"]
LONGEST_TRANSACTION_SECONDS = 5.0
"""A form is read for seconds and a model trained for minutes; a transaction takes milliseconds."""

_EXTRA = "--container forms --training purchase_invoice/training --locale en-US"
READS = [
    "params list",
    "params list --output json",
    "params show service_report",
    "params show service_report --output json",
    "params validate",
    "params export",
    "plan",
    "plan --output json",
    *(f"rows {name}" for name in FORM_TYPES),
    *(f"rows {name} --output json" for name in FORM_TYPES),
    "rows nothing",
    "status",
    "status --output json",
    "status --form-type service_report",
    "status --outcome loaded --output json",
    "status --outcome pending",
    "status --review",
    "status --review --output json",
    "report",
    "report --run 1 --output json",
    "report --html report.html",
    "verify",
    "verify --output json",
    "models list",
    "models list --output json",
    "models show purchase_invoice",
    "models show purchase_invoice --output json",
    "models prune --yes",
    "doctor",
    "db status --output json",
    "db upgrade",
    "db sql --dialect mssql --from 0002",
]
WRITES = [
    "init",
    "params export all.yaml",
    "params validate all.yaml",
    "params apply all.yaml",
    "params apply all.yaml --dry-run --output json",
    f"params add extra --backlog nothing {_EXTRA}",
    f"params add extra --backlog nothing {_EXTRA}",
    "params show extra --output json",
    "params disable extra",
    "plan --form-type extra",
    "params enable extra extra2",
    "params list",
    "params import --from-table nowhere",
    "params purge extra --yes --output json",
    f"params add {INVOICE} --replace --backlog {INVOICE}/backlog --outputs {INVOICE}/output {_EXTRA}"
    " --set retrain=always --set target_table=invoices --set confidence_columns=true",
    "retry --form-type supplier_registration --outcome loaded --outcome partial",
    "plan",
    f"run --form-type {INVOICE} --rescore --output json",
    f"rows {INVOICE} --output json",
    f"models list {INVOICE}",
    f"models promote {INVOICE} 2",
    f"models rollback {INVOICE}",
    f"models promote {INVOICE} 9",
    f"models prune --form-type {INVOICE} --yes",
    "status",
    "report --output json",
    f"forget --form-type {INVOICE} --all --dry-run --yes",
    f"forget --form-type {INVOICE} --all --yes --output json",
    "status --output json",
    "verify",
    f"params purge {INVOICE} --yes",
    "params list",
    "db downgrade -1 --yes",
    "db status",
    "params list",
    "db upgrade",
    "status",
    "db downgrade base --yes",
    "status",
    "db upgrade",
    "params list",
]


@dataclass
class Place:
    """A folder with the demo, and where its rows are. `longest`: seconds of the longest transaction seen."""

    folder: Path
    url: str
    longest: float = 0.0

    def formpipe(self, arguments: str) -> str:
        """Exit code and answer of a command, without what differs from day to day."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            patch.setenv("FORMPIPE_DATABASE_URL", self.url)
            patch.setenv("FORMPIPE_WORKERS", "2")
            done = CliRunner().invoke(app, arguments.split())
        error = f"{done.exception} ({done.exception.reason})" if _named(done.exception) else ""
        if done.exception and not error and not isinstance(done.exception, SystemExit):
            raise done.exception
        return _timeless(f"[{3 if error else done.exit_code}]\n{done.stdout}{error}", self)


def _named(error: BaseException | None) -> bool:
    return isinstance(error, FormpipeError)


def _timeless(answer: str, place: Place) -> str:
    head, _, body = answer.partition("\n")
    if body.startswith(("{", "[")):
        return head + json.dumps(_steady(json.loads(body)), indent=1)
    body = body.replace(str(place.folder), "FOLDER")
    for pattern, put in _MOVING:
        body = pattern.sub(put, body)
    return f"{head}\n{body}"


_MOVING = [
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?(\+00:00)?( UTC)?"), "THEN"),
    (re.compile(r" \d\d:\d\d\b"), " THEN"),
    (re.compile(r"took (?:\d+ (?:h|min) )*[\d.]+ m?s"), "took SECONDS"),
    (re.compile(r"^(\w+( +\d+){3}) +[\d.]+ +[\d.]+$", re.M), r"\1"),
    (re.compile(r"[\d,]+ MB are free"), "MB are free"),
    (re.compile(r"^(sqlite|postgresql|mssql): .*$", re.M), "DATABASE"),
    (re.compile(r"\((sqlite|postgresql|mssql): [^)]*\)"), "(DATABASE)"),
    (re.compile(r" \(a new folder: `formpipe init`\)"), ""),
]
_MOVES = {
    "started_at", "finished_at", "created_at", "promoted_at", "scored_at", "seconds", "pages_per_second",
    "throughput", "dialect", "host", "database",
}  # fmt: skip


def _steady(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: _steady(value) for key, value in found.items() if key not in _MOVES}
    return [_steady(each) for each in found] if isinstance(found, list) else found


@pytest.fixture(scope="session")
def small_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("small")
    write_lake(root, seed=3, training=5, backlog=2)
    return root


@pytest.fixture(scope="session")
def on_sqlite(small_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("sqlite")
    return with_demo(folder, f"sqlite:///{folder / 'demo' / 'formpipe.db'}", small_lake)


@pytest.fixture(scope="session", params=OTHERS)
def elsewhere(
    request: pytest.FixtureRequest, small_lake: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """The demo on a server."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql")
        url = server.create(with_schema=False)
        yield with_demo(folder, url, small_lake)
        server.drop(url)
    else:
        url = os.environ.get(MSSQL_URL, "")
        if not url:
            pytest.skip(f"no SQL Server: set {MSSQL_URL} to an empty database of it")
        emptied(url)
        yield with_demo(folder, url, small_lake)
        emptied(url)


def emptied(url: str) -> None:
    engine = open_database(url)
    schema.downgrade(engine, "base")
    engine.dispose()


def with_demo(folder: Path, url: str, lake: Path) -> Place:
    """`formpipe db upgrade` on an empty database, then `formpipe demo`, in processes of their own."""
    place = Place(folder / "demo", url)
    shutil.copytree(lake, place.folder / "lake")
    (place.folder / "formpipe.toml").write_text('storage_root = "lake"\n')
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FORMPIPE_DATABASE_URL": url}
    with Watch(place):
        for arguments in (["db", "upgrade"], ["demo", "demo", "--use-database"]):
            done = subprocess.run(
                [*COMMAND, *arguments], cwd=folder, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stdout + done.stderr
    assert f"SELECT * FROM {view_name(INVOICE, url.split(':')[0].split('+')[0])}" in done.stdout
    return place


class Watch:
    """Ask PostgreSQL every now and then how long its transactions are open."""

    QUERY = text(
        "SELECT COALESCE(MAX(EXTRACT(EPOCH FROM clock_timestamp() - xact_start)), 0) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )

    def __init__(self, place: Place) -> None:
        self._place = place
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> None:
        if self._place.url.startswith("postgresql"):
            self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        if self._thread.ident:
            self._thread.join()

    def _watch(self) -> None:
        engine = open_database(self._place.url)
        while not self._ended.wait(0.1):
            with engine.connect() as connection:
                seconds = float(connection.execute(self.QUERY).scalar_one())
            self._place.longest = max(self._place.longest, seconds)
        engine.dispose()


def cells_of(place: Place) -> list[Cell]:
    engine = open_database(place.url)
    try:
        return list(cells(place.folder, engine))
    finally:
        engine.dispose()


def test_the_views_show_the_same_values_which_are_the_truth(on_sqlite: Place, elsewhere: Place) -> None:
    ours, theirs = cells_of(on_sqlite), cells_of(elsewhere)
    assert [(cell.path, cell.field.name, plain(cell.shown)) for cell in theirs] == [
        (cell.path, cell.field.name, plain(cell.shown)) for cell in ours
    ]
    assert len(theirs) == 56
    wrong = [(cell.path, cell.field.name) for cell in theirs if not cell.right]
    assert len(wrong) <= 0.1 * len(theirs), wrong


def plain(shown: object) -> object:
    """A value as SQLite, which has no type for it, would show it."""
    return float(shown) if isinstance(shown, Decimal | int | float) else shown and str(shown)


def test_the_columns_of_the_views_have_the_types_of_their_fields(elsewhere: Place) -> None:
    types = {"integer": int | Decimal, "number": Decimal, "currency": Decimal, "date": date}
    for cell in cells_of(elsewhere):
        if cell.shown is not None:
            assert isinstance(cell.shown, types.get(cell.field.type, str)), (cell.field, type(cell.shown))


def test_the_views_show_the_truth_where_every_value_was_found(
    each_database: Engine, small_lake: Path, tmp_path: Path
) -> None:
    """What stands on the paper, typed, stored and shown: each field of each document, none left out."""
    ledger = Ledger(each_database, tmp_path / "data")
    shutil.copytree(small_lake, tmp_path / "demo" / "lake")
    truths = [json.loads(line) for line in (small_lake / "truth.jsonl").read_text("utf-8").splitlines()]
    for design in DESIGNS:
        ledger.form_type(design.form_type)
        version, run = ledger.version(design.form_type, 1), ledger.run()
        mine = [t for t in truths if (t["form_type"], t["folder"]) == (design.form_type, "backlog")]
        keys = [ledger.document(design.form_type, each["path"], None, path=each["path"]) for each in mine]
        found = [as_found(key, each, design) for key, each in zip(keys, mine, strict=True)]
        with each_database.begin() as connection:
            documents.finish(connection, found, model_version_id=version, run_id=run, now=START)
            refresh_view(connection, design.form_type, design.fields)
    shown = list(cells(tmp_path / "demo", each_database))
    assert len(shown) == 56
    assert [cell for cell in shown if not cell.right] == []


def as_found(key: int, truth: dict[str, Any], design: FormDesign) -> DocumentResult:
    """What a model that errs nowhere says of a document."""
    specs = {spec.name: spec for spec in design.fields}
    values = tuple(
        ScoredValue(
            ExtractedField(name, words, 1, None, 0.99), normalise(words, specs[name], design.locale), False
        )
        for name, words in truth["fields"].items()
    )
    document = BacklogDocument(key, truth["form_type"], BlobRef("", "forms", truth["path"], "e"), 1)
    return DocumentResult(document, "loaded", values=values, pages=1)


def test_no_transaction_stays_open_while_forms_are_read_and_models_trained(elsewhere: Place) -> None:
    if not elsewhere.url.startswith("postgresql"):
        pytest.skip("asks PostgreSQL how long its transactions are open")
    assert elsewhere.longest < LONGEST_TRANSACTION_SECONDS


@pytest.fixture(scope="session")
def spoken() -> Spoken:
    return Spoken()


@pytest.fixture(scope="session")
def answers_on_sqlite(on_sqlite: Place, spoken: Spoken) -> list[tuple[str, str]]:
    with listening(spoken):
        return answers(on_sqlite)


def test_sql_server_understands_what_the_commands_say(
    answers_on_sqlite: list[tuple[str, str]], spoken: Spoken
) -> None:
    assert len(spoken.compiled) > 100
    assert [each for each in spoken.own if "ON CONFLICT" not in each] == []  # a target table's upsert
    wrong = {statement: found for statement in sorted(spoken.compiled) if (found := faults(statement))}
    assert not wrong, "\n".join(f"{found}: {statement}" for statement, found in wrong.items())


def answers(place: Place) -> list[tuple[str, str]]:
    """What the commands say, one after the other: first those that change nothing."""
    return [(command, place.formpipe(command)) for command in (*READS, *WRITES)]


def test_every_command_says_what_it_says_on_sqlite(
    on_sqlite: Place, elsewhere: Place, answers_on_sqlite: list[tuple[str, str]]
) -> None:
    for (command, expected), (_, found) in zip(answers_on_sqlite, answers(elsewhere), strict=True):
        view = view_name(INVOICE, "sqlite").removesuffix(INVOICE)
        assert found.replace("forms.", view) == expected.replace("forms.", view), command
