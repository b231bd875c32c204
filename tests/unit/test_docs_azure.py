"""docs/azure.md says what the program knows."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest
from typer.main import get_command

from pipeline.cli.main import app
from pipeline.db import tables
from pipeline.services import load_services
from pipeline.settings import Settings
from pipeline.types import SecretNames

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/azure.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.S)


def test_every_command_exists() -> None:
    known = get_command(app)
    lines = re.findall(r"formpipe ((?:[a-z]+ ?)+)", " ".join(blocks("sh") + re.findall(r"`([^`\n]+)`", TEXT)))
    assert len(lines) > 5
    for line in lines:
        command = known
        for word in line.split():
            children = getattr(command, "commands", None)
            if not children:
                break
            assert word in children, line
            command = children[word]


def test_every_setting_exists() -> None:
    (block,) = blocks("toml")
    stated = tomllib.loads(block)
    assert set(stated) <= set(Settings.model_fields)
    assert Settings(**stated).storage == "azure-blob"


def test_every_column_and_secret_exists() -> None:
    columns = {column.name for column in tables.form_type.columns}
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", TEXT))
    known = columns | set(Settings.model_fields) | {"my_key"}
    assert named - known == set()
    names = SecretNames()
    used = set(re.findall(r"^secret (\w+)", TEXT, re.M))
    assert used == {names.endpoint, names.key, names.training_account, names.training_sas}


@pytest.mark.parametrize("engine", ["document-intelligence", "form-recognizer"])
def test_versions_and_their_ends(engine: str) -> None:
    table = TEXT[TEXT.index("| `engine` |") :].split("\n\n")[0]
    for name, version in load_services()[engine].versions.items():
        line = next((each for each in table.splitlines() if f"`{name}`" in each), None)
        if line is None:
            assert "preview" in name and version.retires == date(2026, 8, 31)
        else:
            end = version.retires.isoformat() if version.retires else ""
            assert end in line


def test_limits_are_those_of_the_tiers() -> None:
    free, paid = (load_services()["document-intelligence"].tiers[name] for name in ("F0", "S0"))
    rates = [f"{paid.per_second[kind]:g}" for kind in ("analyze", "get", "manage", "list")]
    assert "{} submits, {} polls, {} model calls and {} lists".format(*rates) in TEXT
    assert f"{paid.models:,} models" in TEXT and f"{free.models} models" in TEXT
    assert f"{free.document_mb} MB" in TEXT and free.document_pages == 2
    assert f"{paid.training_pages} pages or {paid.training_mb} MB" in TEXT


def test_every_reason_is_one() -> None:
    table = TEXT[TEXT.index("| reason |") :].split("\n\n")[0]
    reasons = re.findall(r"`([a-z-]+)`", " ".join(line.split("|")[1] for line in table.splitlines()))
    sources = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "pipeline").rglob("*.py"))
    assert len(reasons) > 6
    for reason in reasons:
        assert f'"{reason}' in sources, reason
