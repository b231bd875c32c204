"""What Cosmos DB may answer, and what becomes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.errors import RowError
from pipeline.formats.item_json import item_id, partition_key, sealed
from pipeline.sinks.cosmos import LARGEST_ITEM, CosmosPlace, CosmosSink
from pipeline.types import SinkItem
from tests.azure.cosmos import KEY, Cosmos
from tests.azure.ports import free_port

CANARY = "canary-account"


def item(number: int, size: int = 10) -> SinkItem:
    key = item_id("w9", f"{number:064x}", f"{number:064x}"[::-1])
    fields = {"name": {"value": "x" * size}}
    return sealed(
        SinkItem(key, partition_key("w9", key), "w9", "", "forms", "a", None, "loaded", 1, 1, None, fields)
    )


@pytest.fixture
def place(cosmos: Cosmos) -> CosmosPlace:
    return CosmosPlace(cosmos.url, cosmos.new_database(), "documents", 5)


@pytest.fixture
def sink(place: CosmosPlace) -> CosmosSink:
    return CosmosSink(place, lambda fresh: KEY)


def ids(sink: CosmosSink) -> set[str]:
    return {key for key, _ in sink.keys("w9")}


def raised(act: Callable[[], object]) -> RowError:
    with pytest.raises(RowError) as caught:
        act()
    assert CANARY not in str(caught.value)
    return caught.value


def test_the_container_is_made_with_a_partition_for_each_two_digits(
    cosmos: Cosmos, place: CosmosPlace
) -> None:
    sink = CosmosSink(place, lambda fresh: KEY)
    many = [item(number) for number in range(300)]
    sink.put("w9", many)
    properties = cosmos.container(place.database).read()
    assert properties["partitionKey"]["paths"] == ["/partition_key"]
    partitions = {body["partition_key"] for body in cosmos.items(place.database)}
    assert partitions == {f"w9-{each.id[:2]}" for each in many}
    assert ids(sink) == {each.id for each in many}


def test_a_container_that_is_there_is_not_made_again(cosmos: Cosmos, place: CosmosPlace) -> None:
    CosmosSink(place, lambda fresh: KEY).put("w9", [item(1)])
    cosmos.requests.clear()
    CosmosSink(place, lambda fresh: KEY).put("w9", [item(2)])
    assert not [
        path for method, path in cosmos.requests if method == "POST" and path.endswith(("/dbs", "/colls"))
    ]


def test_throttling_is_waited_for_as_long_as_it_says(cosmos: Cosmos, sink: CosmosSink) -> None:
    sink.put("w9", [item(0)])
    cosmos.refuse(429, times=6, headers={"x-ms-retry-after-ms": "150"})
    started = time.monotonic()
    assert sink.put("w9", [item(number) for number in range(1, 4)]) == {}
    assert time.monotonic() - started > 0.15
    assert ids(sink) == {item(number).id for number in range(4)}


def test_throttling_without_end_is_named(cosmos: Cosmos, place: CosmosPlace) -> None:
    sink = CosmosSink(replace(place, retry_seconds=1), lambda fresh: KEY)
    sink.put("w9", [item(0)])
    cosmos.refuse(429, times=10_000, headers={"x-ms-retry-after-ms": "400"})
    assert raised(lambda: sink.put("w9", [item(1), item(2)])).reason == "sink-throttled"
    cosmos.refusals.clear()
    assert sink.put("w9", [item(1), item(2)]) == {}


def test_an_item_over_the_limit_is_refused_alone(
    cosmos: Cosmos, sink: CosmosSink, place: CosmosPlace
) -> None:
    large = item(1, LARGEST_ITEM)
    found = sink.put("w9", [item(0), large, item(2)])
    assert {key: error.reason for key, error in found.items()} == {large.id: "item-too-large"}
    assert "2,097,152" in str(found[large.id])
    assert ids(sink) == {item(0).id, item(2).id}


@pytest.mark.parametrize(("status", "reason"), [(413, "item-too-large"), (400, "item-refused")])
def test_an_item_that_the_server_refuses_is_refused_alone(
    cosmos: Cosmos, sink: CosmosSink, status: int, reason: str
) -> None:
    sink.put("w9", [item(0)])
    cosmos.refuse(status)
    found = sink.put("w9", [item(1), item(2), item(3)])
    assert [error.reason for error in found.values()] == [reason]
    assert CANARY not in str(list(found.values()))
    assert len(ids(sink)) == 3


@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [
        (401, {}, "sink-not-authorised"),
        (403, {}, "sink-not-authorised"),
        (403, {"x-ms-substatus": "1014"}, "sink-partition-full"),
        (404, {}, "sink-container-missing"),
        (409, {}, "sink-failed"),
    ],
)
def test_a_failure_is_named_and_over_once_it_is_mended(
    cosmos: Cosmos, sink: CosmosSink, status: int, headers: dict[str, str], reason: str
) -> None:
    sink.put("w9", [item(0)])
    cosmos.refuse(status, headers=headers)
    assert raised(lambda: sink.put("w9", [item(1)])).reason == reason
    assert sink.put("w9", [item(1)]) == {}
    assert len(ids(sink)) == 2


def test_a_key_that_was_renewed_is_read_afresh(cosmos: Cosmos, place: CosmosPlace) -> None:
    asked: list[bool] = []

    def key(fresh: bool) -> str:
        asked.append(fresh)
        return KEY

    cosmos.refuse(401, method="GET", under="/colls/documents")
    CosmosSink(place, key).put("w9", [item(0)])
    assert asked == [False, True]


def test_a_sign_in_that_may_make_no_container_is_told_to_have_one_made(
    cosmos: Cosmos, sink: CosmosSink
) -> None:
    cosmos.refuse(403, headers={"x-ms-substatus": "5300"}, under="/dbs")
    error = raised(lambda: sink.put("w9", [item(0)]))
    assert error.reason == "sink-container-missing"
    assert "/partition_key" in str(error)


def test_a_container_with_another_partition_key_is_left_alone(cosmos: Cosmos, place: CosmosPlace) -> None:
    from azure.cosmos import CosmosClient, PartitionKey

    client = CosmosClient(cosmos.url, KEY, enable_endpoint_discovery=False)
    client.create_database(place.database).create_container("documents", PartitionKey("/id"))
    sink = CosmosSink(place, lambda fresh: KEY)
    assert raised(lambda: sink.put("w9", [item(0)])).reason == "sink-container-unusable"
    assert cosmos.items(place.database) == []


def test_nobody_there(place: CosmosPlace) -> None:
    nowhere = replace(place, endpoint=f"http://localhost:{free_port()}")
    sink = CosmosSink(nowhere, lambda fresh: KEY, retry_total=0, retry_connect=0)
    error = raised(lambda: sink.put("w9", [item(0)]))
    assert error.reason == "sink-not-reachable"
    assert nowhere.endpoint not in str(error)


@pytest.mark.parametrize(
    "endpoint", ["", "formsdb", "http://formsdb.documents.azure.com", "https://me:pw@formsdb", "http://[::1"]
)
def test_an_endpoint_that_a_key_may_not_go_to(place: CosmosPlace, endpoint: str) -> None:
    sink = CosmosSink(replace(place, endpoint=endpoint), lambda fresh: KEY)
    assert raised(lambda: sink.put("w9", [item(0)])).reason == "sink-not-configured"


def test_a_key_that_is_none_is_named_and_not_shown(place: CosmosPlace) -> None:
    sink = CosmosSink(place, lambda fresh: "canary-account no base64")
    assert raised(lambda: sink.put("w9", [item(0)])).reason == "sink-not-authorised"


def test_without_a_key_an_identity_signs_in(place: CosmosPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    import azure.identity
    from azure.core.exceptions import ClientAuthenticationError

    class Nobody:
        def get_token(self, *scopes: str, **options: object) -> object:
            raise ClientAuthenticationError("canary-account")

    monkeypatch.setattr(azure.identity, "DefaultAzureCredential", Nobody)
    sink = CosmosSink(replace(place, endpoint="https://localhost:1"), lambda fresh: None, retry_total=0)
    assert raised(lambda: sink.put("w9", [item(0)])).reason == "sink-not-authorised"
