"""The same rows twice: on this machine, and against a blob server, a vault and the emulator.

Both sides are projects in folders of their own, driven by the command line. The Azure side's secrets are in
the vault alone; a hook in every process of it notes whether anything of `pipeline.learning` is imported.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, insert, select

from pipeline.db import tables
from pipeline.demo.lake import CONTAINER
from tests.azure.azurite import Account, Azurite, running_azurite
from tests.azure.emulator import Emulator, running_emulator
from tests.azure.lake import upload
from tests.azure.vault import CLIENT_SECRET, TOKEN, Vault, running_vault

Value = tuple[object, ...]
_QUIET = {"FORMPIPE_LOG_LEVEL": "debug"}
_WATCH = """\
import sys

class _Watch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[:2] == ["pipeline", "learning"]:
            with open({file!r}, "a") as stream:
                stream.write(name + "\\n")
        return None

sys.meta_path.insert(0, _Watch())
"""


@dataclass
class Side:
    """A project in a folder; `environment` is what its processes have beside their settings."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    @property
    def database(self) -> Path:
        return self.folder / "formpipe.db"

    @property
    def imports(self) -> Path:
        """What was imported of `pipeline.learning` by any process of this side."""
        return self.folder / "learning-imports.txt"

    def settings(self, text: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "formpipe.toml").write_text(text)
        (self.folder / "watch").mkdir(exist_ok=True)
        hook = _WATCH.format(file=str(self.imports))
        (self.folder / "watch" / "sitecustomize.py").write_text(hook)

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        engine = create_engine(f"sqlite:///{self.database}")
        with engine.begin() as connection:
            for row in rows:
                connection.execute(insert(tables.form_type), dict(row))
        engine.dispose()

    def formpipe(self, *arguments: str, shown: bool = False) -> int:
        """Run a command; what it printed is kept in `told`, or shown."""
        process = self.start(*arguments, shown=shown)
        output, errors = process.communicate()
        self.told += [output or "", errors or ""]
        return process.returncode

    def start(self, *arguments: str, shown: bool = False) -> subprocess.Popen[str]:
        quiet = {} if shown else _QUIET
        paths = [str(self.folder / "watch"), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | quiet | dict(self.environment) | {"PYTHONPATH": os.pathsep.join(paths)}
        pipe = None if shown else subprocess.PIPE
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli.main", *arguments],
            cwd=self.folder,
            env=environment,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )

    def query(self, statement: Any) -> list[Any]:
        engine = create_engine(f"sqlite:///{self.database}")
        try:
            with engine.connect() as connection:
                return list(connection.execute(statement))
        finally:
            engine.dispose()

    def values(self) -> dict[tuple[str, str, str, int], Value]:
        """Every value by form type, document, field and occurrence, as text and in its type."""
        value, part, document = tables.field_value, tables.part, tables.document
        statement = (
            select(document.c.form_type, document.c.path, value)
            .join(part, part.c.id == value.c.part_id)
            .join(document, document.c.id == part.c.document_id)
        )
        return {
            (row.form_type, row.path, row.field, row.occurrence): (
                row.text, row.value_text, row.value_number, row.value_date, row.value_time, row.value_mark,
                row.currency,
            )
            for row in self.query(statement)
        }  # fmt: skip

    def outcomes(self) -> dict[str, str | None]:
        document = tables.document
        return {row.path: row.outcome for row in self.query(select(document.c.path, document.c.outcome))}


@dataclass
class Cloud:
    """What stands in for Azure, and the project that uses it."""

    azurite: Azurite
    vault: Vault
    emulator: Emulator
    side: Side

    @property
    def canaries(self) -> tuple[str, ...]:
        """Every secret of this rehearsal."""
        accounts = (self.azurite.first, self.azurite.second)
        return (*self.emulator.keys, *(a.key for a in accounts), TOKEN, CLIENT_SECRET, "sig=")


def embedded(folder: Path, lake: Path, rows: Sequence[Mapping[str, Any]]) -> Side:
    """A project over a folder of forms, its schema made and its rows added."""
    side = Side(folder)
    side.settings(f'database_url = "sqlite:///formpipe.db"\nstorage_root = "{lake}"\n')
    assert side.formpipe("db", "upgrade") == 0, side.told
    side.add(rows)
    return side


def _containers(account: Account) -> str:
    """Where projects of texts find the container of the lake, as the owner of a resource lets it read."""
    return f"{account.url}/{{container}}?{account.container_sas(CONTAINER, 'rl')}"


@contextmanager
def cloud(
    folder: Path,
    lake: Path,
    rows: Sequence[Mapping[str, Any]],
    *,
    settings: str = "poll_seconds = 0.2\n",
    emulator_arguments: Sequence[str] = ("--unlimited",),
) -> Iterator[Cloud]:
    """The forms in a storage account, the secrets in a vault, the emulator as the service."""
    with (
        running_azurite(folder / "blobs") as azurite,
        running_emulator(
            folder / "emulator", arguments=[*emulator_arguments, "--containers", _containers(azurite.first)]
        ) as emulator,
        running_vault(folder / "vault", {}) as vault,
    ):
        vault.secrets |= {
            "CognitiveServiceEndpoint": emulator.url,
            "CognitiveServiceSubscriptionKey": emulator.key,
            "StorageAccountName": azurite.first.url,
            "StorageAccountSasKey": azurite.first.key,
        }
        upload(lake, azurite.first)
        side = Side(folder / "project", vault.environment())
        side.settings(
            'database_url = "sqlite:///formpipe.db"\nstorage = "azure-blob"\n'
            f'key_vault_url = "{vault.url}"\n{settings}'
        )
        assert side.formpipe("db", "upgrade") == 0, side.told
        side.add(rows)
        yield Cloud(azurite, vault, emulator, side)
