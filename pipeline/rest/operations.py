"""URLs that a service gives: used exactly as they came, and only where they lead back to the service."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from pipeline.errors import RowError

_PORTS = {"https": 443, "http": 80}
_HERE = {"localhost", "127.0.0.1", "::1"}


def operation_url(headers: Mapping[str, str], endpoint: str) -> str:
    """The URL of the operation that was begun (`Operation-Location` of a 202, `Location` of a 201).

    Raises RowError `operation-missing`, `foreign-operation`.
    """
    url = headers.get("Operation-Location") or headers.get("Location") or ""
    if not url:
        raise RowError(
            "the service took the request but names no operation: check the row's endpoint and api_version",
            reason="operation-missing",
        )
    require_same_host(url, endpoint)
    return url


def require_same_host(url: str, endpoint: str) -> None:
    """Raise RowError `foreign-operation` unless the URL leads to the endpoint: a key goes nowhere else."""
    wanted, found = _origin(endpoint), _origin(url)
    if wanted is None or wanted != found:
        raise RowError(
            "the service sent a URL that leads to another host: nothing was sent there. Check who answers "
            "at the row's endpoint",
            reason="foreign-operation",
        )


def checked_endpoint(endpoint: str) -> str:
    """The endpoint without its last slash. Raises RowError `endpoint-unusable`, `endpoint-not-https`: a
    key goes in the clear only to this machine, or to a host without a domain (a container beside it)."""
    endpoint = endpoint.strip().rstrip("/")
    parts = _split(endpoint)
    if parts is None or _origin(endpoint) is None or parts.query or parts.fragment:
        raise RowError(
            "the endpoint is no URL such as https://NAME.cognitiveservices.azure.com: mend the secret",
            reason="endpoint-unusable",
        )
    host = parts.hostname or ""
    if parts.scheme == "http" and host not in _HERE and "." in host:
        raise RowError(
            "the endpoint is http, which would send the key in the clear: use https",
            reason="endpoint-not-https",
        )
    return endpoint


def _origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None for what is no plain URL of that kind."""
    parts = _split(url)
    if parts is None or parts.username is not None or parts.password is not None or "\\" in url:
        return None
    try:
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError):
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None


def _split(url: str) -> SplitResult | None:
    if not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        return urlsplit(url)
    except ValueError:
        return None
