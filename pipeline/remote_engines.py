"""Clients of services, one for each engine, API version and pair of secrets that the rows name."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

from pipeline.engines.document_intelligence import DocumentIntelligenceEngine
from pipeline.engines.form_recognizer import FormRecognizerEngine
from pipeline.engines.language import LanguageEngine
from pipeline.errors import RowError
from pipeline.ports import RemoteEngine, Secrets, TextService
from pipeline.rates import Budget, raised
from pipeline.rest.client import ServiceClient
from pipeline.rest.credentials import SCOPE, BearerCredential, Credential, KeyCredential
from pipeline.rest.limits import Limits, LocalBudget
from pipeline.rest.retry import Retry, RetryPolicy
from pipeline.services import Service
from pipeline.settings import Settings
from pipeline.types import SecretNames

_Client = RemoteEngine | TextService
_ENGINES: Mapping[str, Callable[[ServiceClient, str], _Client]] = {
    "form-recognizer": FormRecognizerEngine,
    "document-intelligence": DocumentIntelligenceEngine,
    "language": LanguageEngine,
}
_Key = tuple[str, str, str, str]
_LOOK_SECONDS = 0.25
Called = Callable[[str, str, int | None, float], None]
"""Told of each attempt of a call: engine, operation class, status, seconds."""


class RemoteEngines:
    """All clients of one endpoint share its limits, with those of other processes by `budget_of` an endpoint.
    `stopping` ends every wait for a turn or before another attempt."""

    def __init__(
        self,
        secrets: Secrets,
        services: Mapping[str, Service],
        settings: Settings,
        budget_of: Callable[[str], Budget] = lambda endpoint: LocalBudget(),
        stopping: Callable[[], bool] = lambda: False,
        called: Called = lambda engine, operation_class, status, seconds: None,
    ) -> None:
        self._secrets = secrets
        self._services = services
        self._settings = settings
        self._budget_of = budget_of
        self._stopping = stopping
        self._called = called
        self._made: dict[_Key, _Client] = {}
        self._budgets: dict[str, Budget] = {}
        self._limits: dict[tuple[str, str], Limits] = {}

    def of(self, names: SecretNames, engine: str, api_version: str | None) -> _Client:
        """Raises RowError `secret-missing`, `engine-unavailable`, `endpoint-not-https`."""
        key = (names.endpoint, names.key, engine, api_version or "")
        if key not in self._made:
            self._made[key] = self._make(names, engine, api_version or "")
        return self._made[key]

    def _make(self, names: SecretNames, engine: str, api_version: str) -> _Client:
        kind = _ENGINES.get(engine)
        if kind is None:
            raise RowError(f"this release has no client of {engine}", reason="engine-unavailable")
        endpoint = self._secrets.get(names.endpoint)
        retry = Retry(RetryPolicy(deadline=self._settings.service_retry_seconds), sleep=self._sleep)
        limits = self._limits_of(endpoint, engine)
        heard = partial(self._called, engine)
        credential = self._credential(names.key)
        return kind(ServiceClient(endpoint, credential, retry=retry, limits=limits, heard=heard), api_version)

    def _limits_of(self, endpoint: str, engine: str) -> Limits:
        key = (endpoint, engine)
        if key not in self._limits:
            if endpoint not in self._budgets:
                self._budgets[endpoint] = self._budget_of(endpoint)
            self._limits[key] = Limits(
                self._rates(engine),
                patience=self._settings.service_retry_seconds,
                budget=self._budgets[endpoint],
                stopping=self._stopping,
            )
        return self._limits[key]

    def _rates(self, engine: str) -> dict[str, float]:
        tier = self._services[engine].tiers.get(self._settings.service_tier)
        return raised(tier.per_second if tier else {}, self._settings.service_rates, engine)

    def _sleep(self, seconds: float) -> None:
        """Between attempts; cut short when everything stops."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stopping():
            time.sleep(min(left, _LOOK_SECONDS))

    def _credential(self, name: str) -> Credential:
        """The resource's key; where there is no such secret, the identity that is signed in."""
        if self._secrets.find(name) is None:
            return identity_credential()
        return KeyCredential(lambda fresh: self._secrets.get(name, fresh=fresh))


def identity_credential() -> BearerCredential:
    """Tokens of whatever DefaultAzureCredential finds, cached by it until they are about to end."""
    from azure.core.exceptions import AzureError
    from azure.identity import DefaultAzureCredential

    identity = DefaultAzureCredential()

    def token() -> str:
        try:
            return identity.get_token(SCOPE).token
        except AzureError as error:
            raise RowError(
                "there is no key for the service, and nobody is signed in: set the row's key_secret, sign in "
                "with `az login`, or give this machine a managed identity",
                reason="not-authorised",
            ) from error

    return BearerCredential(token)
