"""Who may call: a key, or a bearer token as Azure's directory gives them (CONTRACTS 0).

Of a token the signature is not checked, for nobody here knows the keys of a directory; where it can be
read, it must be for this service and not have ended."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipeline.emulator.options import EmulatorOptions
from pipeline.rest.credentials import KEY_HEADER

AUDIENCE = "https://cognitiveservices.azure.com"
FIRST = "resource-1"
"""The resource of callers who have no key: tokens say nothing of one, and a container has only one."""


def resource_of(headers: Mapping[str, str], options: EmulatorOptions, *, keyless: bool = False) -> str | None:
    """The resource that a call is let in to, None for one that is not. A wrong key is refused even where none
    is asked for."""
    key = headers.get(KEY_HEADER.lower())
    if key is not None:
        return _of_key(key, options.keys)
    told = headers.get("authorization", "")
    if not told:
        return FIRST if keyless else None
    scheme, _, token = told.partition(" ")
    return FIRST if scheme.lower() == "bearer" and _admits(token.strip(), options) else None


def _of_key(key: str, keys: tuple[str, ...]) -> str | None:
    known = [hmac.compare_digest(key.encode(), each.encode()) for each in keys]
    return f"resource-{known.index(True) + 1}" if any(known) else None


def _admits(token: str, options: EmulatorOptions) -> bool:
    if options.tokens:
        return any(hmac.compare_digest(token.encode(), each.encode()) for each in options.tokens)
    claims = claims_of(token)
    return bool(token) if claims is None else _in_force(claims, options.now())


def claims_of(token: str) -> dict[str, Any] | None:
    """What a JSON web token claims; None for a token of another make."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def _in_force(claims: Mapping[str, Any], now: datetime) -> bool:
    told = claims.get("aud")
    audiences = told if isinstance(told, list) else [told]
    ends = claims.get("exp")
    meant = any(isinstance(each, str) and each.rstrip("/") == AUDIENCE for each in audiences)
    return meant and isinstance(ends, int | float) and ends > now.timestamp()
