"""The Azure path as a whole, against a blob server, a vault and the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from pipeline.db import tables
from tests.azure.azurite import AzuriteMissingError
from tests.azure.lake import row_of, small_lake
from tests.azure.rehearsal import Cloud, Side, cloud, embedded

pytestmark = pytest.mark.xdist_group("azure")

FORM_TYPE = "purchase_invoice"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lake")
    small_lake(root, training=6, backlog=8)
    return root


@pytest.fixture(scope="module")
def at_home(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Side:
    side = embedded(tmp_path_factory.mktemp("home"), lake, [row_of(FORM_TYPE)])
    assert side.formpipe("run") == 0, side.told
    return side


@pytest.fixture(scope="module", params=["form-recognizer v2.1", "document-intelligence 2024-11-30"])
def abroad(
    request: pytest.FixtureRequest, lake: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cloud]:
    engine, version = request.param.split()
    row = row_of(FORM_TYPE, engine=engine, api_version=version)
    try:
        with cloud(tmp_path_factory.mktemp("cloud"), lake, [row]) as running:
            assert running.side.formpipe("run") == 0, running.side.told
            yield running
    except AzuriteMissingError as error:
        pytest.skip(str(error))


def test_the_cloud_path_ends_in_the_values_of_the_embedded_one(at_home: Side, abroad: Cloud) -> None:
    here, there = at_home.values(), abroad.side.values()
    assert len(here) > 40
    assert there == here
    assert abroad.side.outcomes() == at_home.outcomes()


def test_the_pipeline_learns_nothing_itself(abroad: Cloud) -> None:
    assert not abroad.side.imports.exists()


def test_the_access_log_shows_each_training_and_each_analyze(abroad: Cloud) -> None:
    taken = [line for line in abroad.emulator.access() if line["status"] in (201, 202)]
    assert abroad.emulator.status()["accepted"] == {"layout": 6, "train": 1, "analyze": 8}
    assert [line["class"] for line in taken].count("manage") == 1
    assert [line["class"] for line in taken].count("analyze") == 14


def test_a_model_that_a_row_names_is_checked_and_adopted(
    abroad: Cloud, at_home: Side, tmp_path: Path
) -> None:
    """Another database, the same resource: no training, and the same values."""
    (trained,) = abroad.side.query(select(tables.form_type))
    row = {**trained._mapping, "scoring_output_blob_folder": None}
    side = Side(tmp_path / "other", abroad.side.environment)
    side.settings((abroad.side.folder / "formpipe.toml").read_text())
    assert side.formpipe("db", "upgrade") == 0
    side.add([row])
    before = abroad.emulator.accepted("train")
    assert side.formpipe("run") == 0, side.told
    assert abroad.emulator.accepted("train") == before
    assert side.values() == at_home.values()
    (version,) = side.query(select(tables.model_version))
    assert (version.state, version.service_model_id) == ("active", trained.model_id)
    side.formpipe("plan")
    assert "training set unchanged" in side.told[-2]


def test_the_second_run_asks_the_service_for_nothing(abroad: Cloud) -> None:
    before = len(abroad.emulator.access())
    assert abroad.side.formpipe("run") == 0
    assert len(abroad.emulator.access()) == before


def test_outputs_lie_in_the_container_and_verify_is_clean(abroad: Cloud) -> None:
    container = abroad.azurite.first.client().get_container_client("forms")
    outputs = [name for name in container.list_blob_names() if name.endswith("_output.json")]
    assert len(outputs) == 8
    assert abroad.side.formpipe("verify") == 0, abroad.side.told[-2:]


def test_no_secret_is_in_anything_a_run_leaves_behind(abroad: Cloud) -> None:
    side = abroad.side
    side.formpipe("report", "--html", "report.html")
    side.formpipe("doctor")
    side.formpipe("status", "--output", "json")
    container = abroad.azurite.first.client().get_container_client("forms")
    left = [file.read_bytes() for file in side.folder.rglob("*") if file.is_file()]
    left += [text.encode() for text in side.told]
    left += [container.download_blob(name).readall() for name in container.list_blob_names()]
    left.append((abroad.emulator.folder / "access.jsonl").read_bytes())
    assert len(left) > 20
    found = [canary for canary in abroad.canaries for content in left if canary.encode() in content]
    assert not found
