"""Clients of services, one for each engine, API version and pair of secrets that the rows name."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.engines.document_intelligence import DocumentIntelligenceEngine
from pipeline.engines.form_recognizer import FormRecognizerEngine
from pipeline.errors import RowError
from pipeline.ports import RemoteEngine, Secrets
from pipeline.rest.client import ServiceClient
from pipeline.rest.credentials import KeyCredential
from pipeline.rest.limits import Limits
from pipeline.rest.retry import RetryPolicy
from pipeline.services import Service
from pipeline.settings import Settings
from pipeline.types import SecretNames

_ENGINES = {
    "form-recognizer": FormRecognizerEngine,
    "document-intelligence": DocumentIntelligenceEngine,
}
_Key = tuple[str, str, str, str]


class RemoteEngines:
    """All clients of one endpoint share its limits."""

    def __init__(self, secrets: Secrets, services: Mapping[str, Service], settings: Settings) -> None:
        self._secrets = secrets
        self._services = services
        self._settings = settings
        self._made: dict[_Key, RemoteEngine] = {}
        self._limits: dict[str, Limits] = {}

    def of(self, names: SecretNames, engine: str, api_version: str | None) -> RemoteEngine:
        """Raises RowError `secret-missing`, `engine-unavailable`, `endpoint-not-https`."""
        key = (names.endpoint, names.key, engine, api_version or "")
        if key not in self._made:
            self._made[key] = self._make(names, engine, api_version or "")
        return self._made[key]

    def _make(self, names: SecretNames, engine: str, api_version: str) -> RemoteEngine:
        kind = _ENGINES.get(engine)
        if kind is None:
            raise RowError(f"this release has no client of {engine}", reason="engine-unavailable")
        endpoint = self._secrets.get(names.endpoint)
        return kind(self._client(endpoint, engine, names.key), api_version)
