"""Secrets from environment variables."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from pydantic import SecretStr

from pipeline.secrets.values import held

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def names_of(name: str) -> tuple[str, ...]:
    """The names a secret may have as a variable: as it is written, and in capitals with underscores."""
    capitals = _WORD_START.sub("_", name.replace("-", "_")).upper()
    return tuple(dict.fromkeys((name, capitals)))


def find_in(variables: Mapping[str, str | None], name: str) -> SecretStr | None:
    """The value under one of the secret's names, else under one that differs from them by case alone:
    some tables spell `CognitiveServiceSubscriptionKey` as `CognitiveserviceSubscriptionKey`."""
    for spelled in names_of(name):
        value = held(variables.get(spelled))
        if value is not None:
            return value
    folded = _folded(name)
    alike = (held(variables[key]) for key in sorted(variables) if _folded(key) == folded)
    return next((value for value in alike if value is not None), None)


class EnvironmentSecrets:
    """The environment of this process, as it is when it is asked."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables

    def find(self, name: str) -> SecretStr | None:
        return find_in(self._variables, name)

    def looked_in(self, name: str) -> str:
        return f"environment variables {' and '.join(names_of(name))}"

    def to_set(self, name: str) -> str:
        return f"`export {names_of(name)[-1]}=...`"


def _folded(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()
