"""Secrets by name, from the places that were set up, in order."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from pipeline.errors import RowError
from pipeline.secrets.environment import DotenvSecrets, EnvironmentSecrets, names_of
from pipeline.secrets.key_vault import KeyVaultSecrets


class Provider(Protocol):
    """A place where secrets are."""

    def find(self, name: str) -> SecretStr | None:
        """The value as it is now, None where this place has none."""
        ...

    def looked_in(self, name: str) -> str:
        """Where the secret was looked for, for a person."""
        ...


@dataclass(frozen=True, slots=True)
class SecretSources:
    """Where secrets are looked up after the environment; holds none."""

    dotenv: Path | None = None
    key_vault_url: str | None = None


class SecretChain:
    """Satisfies `ports.Secrets`. A value is kept in memory once it was read, until a `fresh` one is asked
    for. Usable from several threads."""

    def __init__(self, providers: Sequence[Provider]) -> None:
        self._providers = tuple(providers)
        self._known: dict[str, SecretStr] = {}
        self._lock = threading.Lock()

    def get(self, name: str, *, fresh: bool = False) -> str:
        value = self.find(name, fresh=fresh)
        if value is not None:
            return value
        places = "; ".join(provider.looked_in(name) for provider in self._providers)
        raise RowError(
            f"there is no secret {name}. Looked in: {places}. Set {names_of(name)[-1]} there, or mend the "
            "name in the row",
            reason="secret-missing",
        )

    def find(self, name: str, *, fresh: bool = False) -> str | None:
        with self._lock:
            if fresh or name not in self._known:
                value = self._asked(name)
                if value is None:
                    self._known.pop(name, None)
                    return None
                self._known[name] = value
            return self._known[name].get_secret_value()

    def _asked(self, name: str) -> SecretStr | None:
        found = (provider.find(name) for provider in self._providers)
        return next((value for value in found if value is not None), None)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("secrets do not travel: open them again from their SecretSources")


def open_secrets(sources: SecretSources) -> SecretChain:
    """The places of a setup, asked in this order: environment, `.env`, Key Vault."""
    providers: list[Provider] = [EnvironmentSecrets()]
    if sources.dotenv is not None:
        providers.append(DotenvSecrets(sources.dotenv))
    if sources.key_vault_url:
        providers.append(KeyVaultSecrets(sources.key_vault_url))
    return SecretChain(providers)
