"""What is sent to prove who asks. Values are read when a request goes out, and shown nowhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from pipeline.errors import RowError

KEY_HEADER = "Ocp-Apim-Subscription-Key"
SCOPE = "https://cognitiveservices.azure.com/.default"
"""The scope of an AAD token for every Azure AI service."""


class Credential(Protocol):
    """Headers that authorise a request. `fresh`: what was known was refused, read the source again."""

    def headers(self, fresh: bool) -> Mapping[str, str]: ...


class KeyCredential:
    """A resource key; `read(fresh)` gives its present value. Raises RowError `secret-unusable` for one
    that cannot be sent."""

    def __init__(self, read: Callable[[bool], str]) -> None:
        self._read = read

    def headers(self, fresh: bool) -> Mapping[str, str]:
        return {KEY_HEADER: _sendable(self._read(fresh))}


class BearerCredential:
    """A token of Entra ID; `token()` gives one that is valid, from a cache of its own."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def headers(self, fresh: bool) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._token()}"}


def _sendable(value: str) -> str:
    """A key was pasted: blanks around it are not part of it, and what no header can hold is no key."""
    key = value.strip()
    if not key or not key.isascii() or not key.isprintable():
        raise RowError(
            "the value of the row's key_secret is no key of a service: copy it again from the page "
            "Keys and Endpoint of the resource",
            reason="secret-unusable",
        )
    return key
