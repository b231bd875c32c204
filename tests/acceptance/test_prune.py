"""Models that nobody needs go from the service and from the registry, and the one in use stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from pipeline.db import tables
from tests.azure.azurite import AzuriteMissingError
from tests.azure.lake import row_of, small_lake
from tests.azure.rehearsal import Cloud, cloud

pytestmark = pytest.mark.xdist_group("prune")

FORM_TYPE = "purchase_invoice"
KEY = "Ocp-Apim-Subscription-Key"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Cloud]:
    lake = tmp_path / "lake"
    small_lake(lake, training=6, backlog=1)
    row = row_of(FORM_TYPE, engine="form-recognizer", api_version="v2.1", keep_versions=1)
    try:
        with cloud(tmp_path / "cloud", lake, [row]) as made:
            yield made
    except AzuriteMissingError as error:
        pytest.skip(str(error))


def at_service(running: Cloud) -> dict[str, str]:
    """The custom models of the resource, and their states."""
    url = f"{running.emulator.url}/formrecognizer/v2.1/custom/models?op=full"
    body: dict[str, Any] = requests.get(url, headers={KEY: running.emulator.key}, timeout=10).json()
    return {model["modelId"]: model["status"] for model in body["modelList"]}


def versions(running: Cloud) -> list[tuple[str, str | None]]:
    version = tables.model_version.c
    query = select(version.state, version.service_model_id).order_by(version.version)
    return [(row.state, row.service_model_id) for row in running.side.query(query)]


def test_an_invalid_model_goes_and_the_one_in_use_stays(running: Cloud) -> None:
    running.emulator.faults({"action": "invalid-model", "route": "job-train", "count": 1, "code": "3014"})
    assert running.side.formpipe("run") == 1
    assert list(at_service(running).values()) == ["invalid"]
    assert running.side.formpipe("run") == 0, running.side.told[-2:]
    (invalid, left), (active, in_use) = versions(running)
    assert (invalid, active) == ("invalid", "active")
    assert at_service(running) == {left: "invalid", in_use: "ready"}
    assert running.side.formpipe("models", "prune", "--dry-run") == 0
    assert str(left) in running.side.told[-2]
    assert len(at_service(running)) == 2
    assert running.side.formpipe("models", "prune", "--yes") == 0, running.side.told[-2:]
    assert at_service(running) == {in_use: "ready"}
    assert versions(running) == [("invalid", None), ("active", in_use)]
    assert running.side.formpipe("plan") == 0, running.side.told[-2:]
