"""What every sink beside SQL does, over every sink."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.formats.item_json import item_id, item_to_json, partition_key, sealed
from pipeline.ports import Sink
from pipeline.sinks.cosmos import CosmosPlace, CosmosSink
from pipeline.sinks.jsonl import JsonlSink
from pipeline.types import SinkItem
from tests.azure.cosmos import KEY, Cosmos

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@dataclass(frozen=True)
class Place:
    """A sink, another one on the same place as the next run has it, and all that is there."""

    sink: Sink
    again: Callable[[], Sink]
    stored: Callable[[], list[dict[str, Any]]]


@pytest.fixture(params=["jsonl", "cosmos"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "jsonl":
        folder = tmp_path / "sink"
        return Place(JsonlSink(folder), lambda: JsonlSink(folder), lambda: live_lines(folder))
    cosmos: Cosmos = request.getfixturevalue("cosmos")
    name = cosmos.new_database()

    def sink() -> CosmosSink:
        return CosmosSink(CosmosPlace(cosmos.url, name, "documents", 5), lambda fresh: KEY)

    return Place(sink(), sink, lambda: cosmos.items(name))


def live_lines(folder: Path) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for file in folder.glob("*.jsonl"):
        for line in file.read_text(encoding="utf-8").split("\n")[:-1]:
            body = json.loads(line)
            found[body["id"]] = body
    return [body for body in found.values() if not body.get("deleted")]


def item(number: int = 0, form_type: str = "w9", **changes: Any) -> SinkItem:
    key = item_id(form_type, f"{number:064x}", changes.get("content_hash") or f"{number * 7919:064x}"[::-1])
    made = SinkItem(
        id=key,
        partition_key=partition_key(form_type, key),
        form_type=form_type,
        account="",
        container="forms",
        path=f"in/{number}.pdf",
        content_hash=f"{number * 7919:064x}"[::-1],
        outcome="loaded",
        pages=1,
        model_version=1,
        scored_at="2026-03-01T00:00:00+00:00",
        fields={"name": {"value": "Ann", "text": "Ann"}},
    )
    return sealed(replace(made, **changes))


def keys(sink: Sink, form_type: str = "w9") -> dict[str, str]:
    found = list(sink.keys(form_type))
    assert len(found) == len(dict(found))
    return dict(found)


def test_before_anything_was_put_nothing_is_there(place: Place) -> None:
    assert keys(place.sink) == {}
    place.sink.remove("w9", ["a" * 64])
    assert keys(place.sink) == {}


def test_what_is_put_is_there_as_it_was_given(place: Place) -> None:
    many = [item(number) for number in range(40)]
    assert place.sink.put("w9", many) == {}
    by_id = {body["id"]: body for body in place.stored()}
    assert by_id == {each.id: item_to_json(each) for each in many}
    assert keys(place.again()) == {each.id: each.digest for each in many}


def test_the_same_item_again_is_there_once(place: Place) -> None:
    for _ in range(3):
        place.again().put("w9", [item(1), item(2)])
    assert len(place.stored()) == 2
    assert keys(place.sink) == {item(1).id: item(1).digest, item(2).id: item(2).digest}


def test_the_last_state_of_an_item_is_the_one_that_counts(place: Place) -> None:
    place.sink.put("w9", [item(1), item(2)])
    changed = item(1, outcome="partial")
    assert changed.id == item(1).id and changed.digest != item(1).digest
    place.sink.put("w9", [changed])
    assert keys(place.again()) == {changed.id: changed.digest, item(2).id: item(2).digest}
    assert [body["outcome"] for body in place.stored() if body["id"] == changed.id] == ["partial"]


def test_an_item_takes_the_place_of_another(place: Place) -> None:
    old = item(1)
    place.sink.put("w9", [old])
    new = item(1, content_hash="f" * 64)
    place.sink.put("w9", [new], [old.id])
    assert keys(place.sink) == {new.id: new.digest}
    place.again().put("w9", [new], [old.id])
    assert [body["id"] for body in place.stored()] == [new.id]


def test_items_can_be_replaced_by_nothing(place: Place) -> None:
    place.sink.put("w9", [item(1), item(2)])
    assert place.sink.put("w9", [], [item(1).id]) == {}
    assert list(keys(place.sink)) == [item(2).id]


def test_what_is_removed_is_gone_and_can_come_back(place: Place) -> None:
    place.sink.put("w9", [item(1), item(2), item(3)])
    place.sink.remove("w9", [item(1).id, item(3).id, "a" * 64])
    place.sink.remove("w9", [item(1).id])
    assert list(keys(place.again())) == [item(2).id]
    place.sink.put("w9", [item(1)])
    assert set(keys(place.sink)) == {item(1).id, item(2).id}


def test_form_types_are_apart(place: Place) -> None:
    place.sink.put("w9", [item(1)])
    place.sink.put("w9_old", [item(1, "w9_old"), item(2, "w9_old")])
    assert set(keys(place.sink)) == {item(1).id}
    place.sink.remove("w9_old", [item(1, "w9_old").id])
    assert len(keys(place.sink)) == 1
    assert len(keys(place.sink, "w9_old")) == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(min_size=1, max_size=12), st.fixed_dictionaries({"value": JSON}), max_size=4))
def test_any_text_comes_back(place: Place, fields: dict[str, dict[str, object]]) -> None:
    given_item = item(5, fields=fields)
    place.sink.put("w9", [given_item])
    body = next(body for body in place.stored() if body["id"] == given_item.id)
    assert body["fields"] == fields
    assert keys(place.sink)[given_item.id] == given_item.digest
