"""A row that has its documents in Cosmos DB and in a file as well, whatever goes wrong meanwhile."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Project
from tests.acceptance.test_run import backlog
from tests.azure.cosmos import KEY, Cosmos

PLUMBING = ("document_id", "scored_at", "review")
LINES = "jsonl/purchase_invoice.jsonl"


@pytest.fixture
def project(trained: Project, lake: Path, cosmos: Cosmos, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A row with three sinks, and eight documents to score."""
    monkeypatch.setenv("CosmosKey", KEY)
    monkeypatch.setenv("FORMPIPE_COSMOS_ENDPOINT", cosmos.url)
    monkeypatch.setenv("FORMPIPE_COSMOS_DATABASE", cosmos.new_database())
    trained.sql("UPDATE form_type SET sinks = 'sql,cosmos,jsonl'")
    backlog(trained, lake)
    return trained


@pytest.fixture
def items(project: Project, cosmos: Cosmos, monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, Any]]:
    """What Cosmos DB holds, by id."""
    name = project.environment()["FORMPIPE_COSMOS_DATABASE"]

    def held() -> dict[str, Any]:
        found = cosmos.items(name)
        assert len({item["id"] for item in found}) == len(found)
        return {item["id"]: item for item in found}

    return held


def lines(project: Project) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (project.folder / LINES).read_bytes().splitlines()]


def waiting(project: Project, sink: str) -> int:
    query = f"SELECT count(*) FROM delivery WHERE sink = '{sink}' AND state = 'pending'"
    return int(project.sql(query)[0][0])


def reason(project: Project) -> str:
    return str(project.sql("SELECT reason FROM run_row ORDER BY run_id DESC LIMIT 1")[0][0])


def test_a_sink_that_fails_costs_its_deliveries_only_and_the_next_run_makes_them(
    project: Project, cosmos: Cosmos, items: Callable[[], dict[str, Any]]
) -> None:
    cosmos.refuse(403, times=10_000)
    answer = project.formpipe("run", expect=1)
    assert project.sql("SELECT outcome, count(*) FROM document GROUP BY 1") == [("loaded", 8)]
    assert project.sql("SELECT count(*) FROM forms_purchase_invoice") == [(8,)]
    assert (waiting(project, "cosmos"), waiting(project, "jsonl")) == (8, 0)
    assert "8 documents not yet in cosmos (sink-not-authorised)" in reason(project)
    assert "not yet in cosmos" in answer.out
    assert KEY not in answer.out + answer.err
    assert "canary-account" not in answer.out + answer.err
    assert len(lines(project)) == 8
    cosmos.refusals.clear()
    verified = project.formpipe("verify", "--output", "json", expect=1).json
    assert {each["kind"] for each in verified["differences"]} == {"sink-missing"}
    assert all("the next run sends it" in each["message"] for each in verified["differences"])

    project.formpipe("run")
    assert len(items()) == 8
    assert len(lines(project)) == 8
    assert {item["id"]: item for item in lines(project)} == items()
    assert "not yet" not in reason(project)
    project.formpipe("verify")
    as_the_view_shows_them(project, items())


def as_the_view_shows_them(project: Project, items: dict[str, Any]) -> None:
    columns = [row[1] for row in project.sql("PRAGMA table_info(forms_purchase_invoice)")]
    assert len(columns) > 12
    for row in project.sql("SELECT * FROM forms_purchase_invoice"):
        shown = dict(zip(columns, row, strict=True))
        [item] = [item for item in items.values() if item["path"] == shown["path"]]
        held = {plain(name): field["value"] for name, field in item["fields"].items()}
        held |= {plain(name): item[name] for name in ("path", "outcome", "pages", "model_version")}
        of_item = {plain(name): cell for name, cell in shown.items() if plain(name) in held}
        assert of_item == held
        left = {name: cell for name, cell in shown.items() if plain(name) not in held}
        assert not [name for name, cell in left.items() if cell is not None and name not in PLUMBING]


def plain(name: str) -> str:
    """The letters of a field's name and of its column's."""
    return re.sub("[^a-z0-9]", "", name.lower())


def test_a_run_that_is_killed_after_its_commit_delivers_with_the_next(
    project: Project, cosmos: Cosmos, items: Callable[[], dict[str, Any]]
) -> None:
    project.sql("UPDATE form_type SET sinks = 'cosmos'")
    throttled = cosmos.refuse(429, times=10_000, headers={"x-ms-retry-after-ms": "60000"})
    process = project.start("run", batch_documents=3)
    try:
        until = time.monotonic() + 120
        while throttled.times > 9_998 and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        process.kill()
        process.communicate()
    done = project.sql("SELECT count(*) FROM document WHERE outcome = 'loaded'")[0][0]
    assert 1 <= done == waiting(project, "cosmos")
    cosmos.refusals.clear()
    assert items() == {}
    project.formpipe("run")
    assert len(items()) == 8
    assert project.sql("SELECT state, count(*) FROM delivery GROUP BY 1") == [("delivered", 8)]
    project.formpipe("verify")


def test_what_somebody_changed_in_a_sink_is_found_and_mended(
    project: Project, cosmos: Cosmos, items: Callable[[], dict[str, Any]]
) -> None:
    project.formpipe("run")
    before = items()
    first, second, third = list(before.values())[:3]
    container = cosmos.container(project.environment()["FORMPIPE_COSMOS_DATABASE"])
    container.delete_item(first["id"], partition_key=first["partition_key"])
    container.upsert_item(second | {"digest": "changed", "outcome": "dead"})
    stray = third | {"id": "00" * 32, "partition_key": "purchase_invoice-00"}
    container.upsert_item(stray)
    with (project.folder / LINES).open("ab") as stream:
        stream.write(json.dumps({"id": third["id"], "deleted": True}).encode() + b"\n" + b'{"id": "to')

    changed = items()
    found = project.formpipe("verify", "--output", "json", expect=1).json
    differences = {(each["kind"], each["path"]) for each in found["differences"]}
    assert differences == {
        ("sink-missing", first["path"]),
        ("sink-stale", second["path"]),
        ("sink-left-over", stray["id"]),
        ("sink-missing", third["path"]),
    }
    assert (found["repaired"], found["counts"]["mended"]) == ([], 0)
    assert items() == changed

    answer = project.formpipe("verify", "--repair")
    assert "cosmos: 2 sent, 1 taken away" in answer.out
    assert "jsonl: 1 sent, 0 taken away" in answer.out
    assert "4 differences, 4 mended" in answer.out
    assert items() == before
    assert "no difference" in project.formpipe("verify").out


def test_a_sink_that_is_not_set_up_is_told_before_the_run(project: Project) -> None:
    project.sql("UPDATE form_type SET sinks = 'cosmos'")
    plan = project.formpipe("plan", "--output", "json", expect=10, cosmos_endpoint="").json
    [note] = [note for note in plan["notes"] if note["code"] == "sink-not-configured"]
    assert "cosmos_endpoint" in note["message"]
    doctor = project.formpipe("doctor", expect=1, cosmos_endpoint="").out
    assert "cosmos_endpoint" in doctor
    project.formpipe("run", expect=1, cosmos_endpoint="")
    assert "sink-not-configured" in reason(project)
    assert project.sql("SELECT count(*) FROM forms_purchase_invoice") == [(8,)]
    repaired = project.formpipe("verify", "--repair", expect=1, cosmos_endpoint="").out
    assert "sink-unreadable" in repaired
    assert "mended" not in repaired
