"""Secrets from environment variables and a `.env` file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values
from pydantic import SecretStr

from pipeline.secrets.values import held

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def names_of(name: str) -> tuple[str, ...]:
    """The names a secret may have as a variable: as it is written, and in capitals with underscores."""
    spelled = name.replace("-", "_")
    capitals = _WORD_START.sub("_", spelled).upper()
    return tuple(dict.fromkeys((name, capitals)))


def find_in(variables: Mapping[str, str | None], name: str) -> SecretStr | None:
    """The value under one of the secret's names, in any case: `CognitiveserviceSubscriptionKey` is how
    some tables spell `CognitiveServiceSubscriptionKey`."""
    folded = {_folded(key): value for key, value in variables.items()}
    for spelled in names_of(name):
        value = held(variables.get(spelled)) or held(folded.get(_folded(spelled)))
        if value is not None:
            return value
    return None


class EnvironmentSecrets:
    """The environment of this process."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables

    def find(self, name: str) -> SecretStr | None:
        return find_in(self._variables, name)

    def looked_in(self, name: str) -> str:
        return f"environment variables {' and '.join(names_of(name))}"


class DotenvSecrets:
    """A `.env` file, read again at each question: it is small, and may have been changed."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def find(self, name: str) -> SecretStr | None:
        if not self._file.is_file():
            return None
        return find_in(dotenv_values(self._file, interpolate=False), name)

    def looked_in(self, name: str) -> str:
        there = "" if self._file.is_file() else " (no such file)"
        return f"{self._file}{there}"


def _folded(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
