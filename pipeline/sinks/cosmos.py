"""Azure Cosmos DB for NoSQL: one item per document, upserted concurrently.

Facts: 2 MB per item, measured as UTF-8 JSON, and 20 GB per logical partition (Microsoft Learn, "Azure Cosmos
DB service quotas"); what a 403 means ("Diagnose and troubleshoot Azure Cosmos DB forbidden exceptions").
A request that was throttled (429) is sent again by the SDK after `x-ms-retry-after-ms`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pipeline.errors import DocumentError, RowError
from pipeline.formats.item_json import item_to_json, json_bytes, partition_key
from pipeline.sinks.cosmos_faults import meaning
from pipeline.types import SinkItem

PARTITION_PATH = "/partition_key"
LARGEST_ITEM = 2 * 1024 * 1024
_AT_ONCE = 8
"""Fewer than the SDK's session keeps connections open (10)."""
_RETRIES = 200
"""Enough that the seconds of a place end the SDK's retries; the limit is for answers that name no wait."""
_CLOUDS = (".documents.azure.com", ".documents.azure.cn", ".documents.azure.us")

Task = TypeVar("Task")
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class CosmosPlace:
    """Where the items go. `retry_seconds`: how long a throttled request is sent again."""

    endpoint: str
    database: str
    container: str
    retry_seconds: float = 120.0


class CosmosSink:
    """Satisfies `ports.Sink`. `key` gives the account's key, afresh when asked, or None: whatever
    DefaultAzureCredential finds signs in then. The container is opened, and made where there is none, when
    it is first used; more `options` are for the SDK's client."""

    def __init__(self, place: CosmosPlace, key: Callable[[bool], str | None], **options: Any) -> None:
        self._place = place
        self._key = key
        self._options = options
        self._opened: Any = None
        self._opening = threading.Lock()

    def put(
        self, form_type: str, items: Sequence[SinkItem], replaced: Sequence[str] = ()
    ) -> Mapping[str, DocumentError]:
        def one(item: SinkItem) -> DocumentError | None:
            return _upsert(container, item)

        container = self._container()
        refusals = self._each(one, items)
        self.remove(form_type, replaced)
        return {item.id: found for item, found in zip(items, refusals, strict=True) if found}

    def remove(self, form_type: str, ids: Sequence[str]) -> None:
        def one(item: str) -> None:
            _delete(container, item, partition_key(form_type, item))

        container = self._container() if ids else None
        self._each(one, ids)

    def keys(self, form_type: str) -> Iterator[tuple[str, str]]:
        from azure.core.exceptions import AzureError

        try:
            found = self._container().query_items(
                "SELECT c.id, c.digest FROM c WHERE c.form_type = @form_type",
                parameters=[{"name": "@form_type", "value": form_type}],
                enable_cross_partition_query=True,
            )
            for each in found:
                yield each["id"], each.get("digest") or ""
        except AzureError as error:
            raise self._named(error) from None

    def _each(self, one: Callable[[Task], Done], tasks: Sequence[Task]) -> list[Done]:
        """Concurrent single requests: a transactional batch holds one logical partition only, and the items
        of a batch of documents lie in as many. The first failure ends what was not begun."""
        from azure.core.exceptions import AzureError

        pool = ThreadPoolExecutor(_AT_ONCE)
        try:
            return list(pool.map(one, tasks))
        except AzureError as error:
            raise self._named(error) from None
        finally:
            pool.shutdown(cancel_futures=True)

    def _named(self, error: Exception) -> RowError:
        """The error as this program names it. A key that was renewed, or a container that is away, is looked
        for again next time."""
        named = meaning(error)
        if named.reason in ("sink-not-authorised", "sink-container-missing"):
            self._opened = None
        return named

    # --- the container ----------------------------------------------------------------------------

    def _container(self) -> Any:
        """Opened once; a key that is refused is read afresh, for it may have been renewed."""
        with self._opening:
            if self._opened is None:
                try:
                    self._opened = self._open(fresh=False)
                except RowError as error:
                    if error.reason != "sink-not-authorised":
                        raise
                    self._opened = self._open(fresh=True)
            return self._opened

    def _open(self, *, fresh: bool) -> Any:
        from azure.core.exceptions import AzureError

        host = _checked_host(self._place.endpoint)
        key = self._key(fresh)
        try:
            client = _client(self._place, key or _identity(), host, **self._options)
            container = client.get_database_client(self._place.database).get_container_client(
                self._place.container
            )
            _check_partition(_known(container) or _made(client, self._place))
        except AzureError as error:
            raise meaning(error) from None
        except ValueError:  # a key that is no base64
            raise RowError(
                "the key of Cosmos DB is none: set the secret that cosmos_key_secret names to a key of the "
                "account",
                reason="sink-not-authorised",
            ) from None
        return container


def _upsert(container: Any, item: SinkItem) -> DocumentError | None:
    """Why the item cannot be taken, None where it was."""
    from azure.cosmos.exceptions import CosmosHttpResponseError

    body = item_to_json(item)
    size = len(json_bytes(body))
    if size > LARGEST_ITEM:
        return _too_large(size)
    try:
        container.upsert_item(body)
    except CosmosHttpResponseError as error:
        if error.status_code == 413:
            return _too_large(size)
        if error.status_code == 400:
            return DocumentError("Cosmos DB refuses the item as it is (400)", reason="item-refused")
        raise
    return None


def _too_large(size: int) -> DocumentError:
    return DocumentError(
        f"the item has {size:,} bytes and Cosmos DB takes {LARGEST_ITEM:,}: its values are in SQL only",
        reason="item-too-large",
    )


def _delete(container: Any, item: str, partition: str) -> None:
    from azure.cosmos.exceptions import CosmosResourceNotFoundError

    try:
        container.delete_item(item, partition_key=partition)
    except CosmosResourceNotFoundError:
        return


def _client(place: CosmosPlace, credential: Any, host: str, **options: Any) -> Any:
    """Regions are asked for at Azure only: elsewhere (an emulator, a gateway) they lead to other hosts."""
    from azure.cosmos import CosmosClient

    seconds = max(1, round(place.retry_seconds))
    return CosmosClient(
        place.endpoint,
        credential,
        **{
            "enable_endpoint_discovery": host.endswith(_CLOUDS),
            "retry_throttle_total": _RETRIES,
            "retry_throttle_backoff_max": seconds,
            **options,
        },
    )


def _identity() -> Any:
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


def _known(container: Any) -> Mapping[str, Any] | None:
    from azure.cosmos.exceptions import CosmosResourceNotFoundError

    try:
        properties: Mapping[str, Any] = container.read()
    except CosmosResourceNotFoundError:
        return None
    return properties


def _made(client: Any, place: CosmosPlace) -> Mapping[str, Any]:
    """The container, made here. An identity may not: it writes data, and somebody else makes containers."""
    from azure.cosmos import PartitionKey
    from azure.cosmos.exceptions import CosmosHttpResponseError

    try:
        database = client.create_database_if_not_exists(place.database)
        container = database.create_container_if_not_exists(place.container, PartitionKey(PARTITION_PATH))
        properties: Mapping[str, Any] = container.read()
    except CosmosHttpResponseError as error:
        if error.status_code != 403:
            raise
        raise RowError(
            f"there is no container {place.container} in the Cosmos DB database {place.database}, and this "
            f"sign-in may not make one: make it with the partition key {PARTITION_PATH}",
            reason="sink-container-missing",
        ) from None
    return properties


def _check_partition(properties: Mapping[str, Any]) -> None:
    paths: Iterable[str] = properties.get("partitionKey", {}).get("paths", ())
    if list(paths) != [PARTITION_PATH]:
        raise RowError(
            f"the Cosmos DB container has another partition key than {PARTITION_PATH}: name another one in "
            "cosmos_container",
            reason="sink-container-unusable",
        )


def _checked_host(endpoint: str) -> str:
    """The host of an endpoint that can be used. A key goes over TLS, or stays on this machine."""
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    safe = bool(host) and (parts.scheme == "https" or host in ("localhost", "127.0.0.1", "::1"))
    if not safe or "@" in endpoint:
        raise RowError(
            "cosmos_endpoint is not the address of an account: set it to https://NAME.documents.azure.com",
            reason="sink-not-configured",
        )
    return host
