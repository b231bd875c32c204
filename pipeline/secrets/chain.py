"""Secrets by name, from the places that were set up, in order."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

from pydantic import SecretStr

from pipeline.errors import RowError
from pipeline.secrets.databricks_scope import DatabricksScopeSecrets
from pipeline.secrets.dotenv import DotenvSecrets
from pipeline.secrets.environment import EnvironmentSecrets
from pipeline.secrets.key_vault import KeyVaultSecrets


class Provider(Protocol):
    """A place where secrets are."""

    def find(self, name: str) -> SecretStr | None:
        """The value as it is now, None where this place has none. A place that fails is no miss: it raises
        RowError or AttemptError."""
        ...

    def looked_in(self, name: str) -> str:
        """Where the secret was looked for, for a person."""
        ...

    def to_set(self, name: str) -> str:
        """How to set it there, for a person."""
        ...


@dataclass(frozen=True, slots=True)
class SecretSources:
    """Where secrets are looked up after the environment; holds none, so it may travel to other processes."""

    dotenv: Path | None = None
    key_vault_url: str | None = None
    databricks_scope: str | None = None


class SecretChain:
    """Satisfies `ports.Secrets`. A value is kept in memory once it was read, until a `fresh` one is asked
    for; a miss is not kept. Usable from several threads: who asks for what is known waits for nobody, and
    those who want the same one afresh at the same time ask once."""

    def __init__(self, providers: Sequence[Provider]) -> None:
        self._providers = tuple(providers)
        self._known: dict[str, SecretStr] = {}
        self._asking = threading.Lock()

    def get(self, name: str, *, fresh: bool = False) -> str:
        """The value. Raises RowError `secret-missing`, and what a place that fails raises."""
        value = self._held(name, fresh)
        if value is None:
            self._miss(name)
        return value.get_secret_value()

    def find(self, name: str, *, fresh: bool = False) -> str | None:
        """The value, None where no place has one. Raises what a place that fails raises."""
        value = self._held(name, fresh)
        return None if value is None else value.get_secret_value()

    def _held(self, name: str, fresh: bool) -> SecretStr | None:
        before = self._known.get(name)
        if before is not None and not fresh:
            return before
        with self._asking:
            now = self._known.get(name)
            asked_meanwhile = now is not None and now is not before
            return now if asked_meanwhile else self._asked(name)

    def _asked(self, name: str) -> SecretStr | None:
        found = (provider.find(name) for provider in self._providers)
        value = next((value for value in found if value is not None), None)
        if value is None:
            self._known.pop(name, None)
        else:
            self._known[name] = value
        return value

    def _miss(self, name: str) -> NoReturn:
        places = "; ".join(provider.looked_in(name) for provider in self._providers)
        ways = ", or ".join(provider.to_set(name) for provider in self._providers)
        raise RowError(
            f"there is no secret {name}. Looked in: {places}. Set it with {ways}, or mend the name in the "
            "row or setting",
            reason="secret-missing",
        )

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("secrets do not travel: open them again from their SecretSources")


def open_secrets(sources: SecretSources) -> SecretChain:
    """The places of a setup, asked in this order: environment, `.env`, Databricks scope, Key Vault."""
    providers: list[Provider] = [EnvironmentSecrets()]
    if sources.dotenv is not None:
        providers.append(DotenvSecrets(sources.dotenv))
    if sources.databricks_scope:
        providers.append(DatabricksScopeSecrets(sources.databricks_scope))
    if sources.key_vault_url:
        providers.append(KeyVaultSecrets(sources.key_vault_url))
    return SecretChain(providers)
