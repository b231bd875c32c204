"""The sinks beside SQL by name, as the settings set them up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec

from pipeline.errors import RowError
from pipeline.ports import Secrets, Sink
from pipeline.settings import Settings


class Outlets:
    """Satisfies `ports.Sinks`. A sink is opened when a row first needs it."""

    def __init__(self, settings: Settings, secrets: Secrets) -> None:
        self._settings = settings
        self._secrets = secrets
        self._opened: dict[str, Sink] = {}

    def of(self, name: str) -> Sink:
        """Raises RowError (`sink-not-configured`, `sink-not-installed`)."""
        if name not in self._opened:
            lacking = obstacle(name, self._settings)
            if lacking is not None:
                raise lacking
            self._opened[name] = _OPEN[name](self._settings, self._secrets)
        return self._opened[name]


def obstacle(name: str, settings: Settings) -> RowError | None:
    """What keeps this machine from using a sink, as far as can be told without asking anyone."""
    if name not in _OPEN:
        return RowError(
            f"there is no sink {name}: {', '.join(_OPEN)} can stand beside sql", reason="sink-not-configured"
        )
    if name == "cosmos" and find_spec("azure") and find_spec("azure.cosmos"):
        return None if settings.cosmos_endpoint else _no_endpoint()
    if name == "cosmos":
        return RowError(
            "the sink cosmos needs more packages: pip install 'formpipe[cosmos]'", reason="sink-not-installed"
        )
    return None


def obstacles(settings: Settings) -> Mapping[str, RowError]:
    """What keeps this machine from using each sink, where something does."""
    found = {name: obstacle(name, settings) for name in _OPEN}
    return {name: error for name, error in found.items() if error is not None}


def _no_endpoint() -> RowError:
    return RowError(
        "the sink cosmos needs an account: set cosmos_endpoint to https://NAME.documents.azure.com",
        reason="sink-not-configured",
    )


def _cosmos(settings: Settings, secrets: Secrets) -> Sink:
    from pipeline.sinks.cosmos import CosmosPlace, CosmosSink

    place = CosmosPlace(
        settings.cosmos_endpoint or "",
        settings.cosmos_database,
        settings.cosmos_container,
        settings.service_retry_seconds,
    )
    return CosmosSink(place, lambda fresh: secrets.find(settings.cosmos_key_secret, fresh=fresh))


def _jsonl(settings: Settings, _: Secrets) -> Sink:
    from pipeline.sinks.jsonl import JsonlSink

    return JsonlSink(settings.jsonl_folder.resolve())


_OPEN: Mapping[str, Callable[[Settings, Secrets], Sink]] = {"cosmos": _cosmos, "jsonl": _jsonl}
