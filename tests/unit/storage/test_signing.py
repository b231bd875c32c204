"""Signed links: no more than was asked for, no longer than it takes, by whatever signs."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.storage.blob import UserDelegationKey
from pydantic import SecretStr

from pipeline.errors import RowError
from pipeline.storage.account import BlobAccount
from pipeline.storage.signing import link

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEY = base64.b64encode(b"canary-key").decode()
URL = "https://forms.blob.core.windows.net"


class Delegating:
    """The one call of the SDK's client that signing by identity needs."""

    def __init__(self) -> None:
        self.asked: list[tuple[datetime, datetime]] = []

    def get_user_delegation_key(self, start: datetime, expiry: datetime) -> UserDelegationKey:
        self.asked.append((start, expiry))
        key = UserDelegationKey()
        key.signed_oid, key.signed_tid = "the-identity", "the-tenant"
        key.signed_start, key.signed_expiry = "2026-03-02T08:45:00Z", "2026-03-02T10:00:00Z"
        key.signed_service, key.signed_version, key.value = "b", "2020-08-04", KEY
        return key


def told(account: BlobAccount, permissions: str = "rl", hours: int = 1, client: Any = None) -> dict[str, str]:
    made = link(account, client, "lake", permissions, timedelta(hours=hours), NOW)
    assert made.url.startswith(f"{URL}/lake?")
    assert "sig" not in f"{made!r}{made}"
    return {name: values[0] for name, values in parse_qs(urlsplit(made.url).query).items()}


def test_a_key_signs_just_what_is_asked_for_over_https_from_a_quarter_of_an_hour_ago() -> None:
    found = told(BlobAccount("forms", URL, key=SecretStr(KEY)))
    assert (found["sp"], found["sr"], found["spr"]) == ("rl", "c", "https")
    assert (found["st"], found["se"]) == ("2026-03-02T08:45:00Z", "2026-03-02T10:00:00Z")


def test_a_batch_may_ask_for_more() -> None:
    assert told(BlobAccount("forms", URL, key=SecretStr(KEY)), "rwdl")["sp"] == "rwdl"


def test_an_identity_signs_with_a_delegated_key() -> None:
    client = Delegating()
    found = told(BlobAccount("forms", URL), client=client)
    assert (found["skoid"], found["sktid"], found["sp"]) == ("the-identity", "the-tenant", "rl")
    assert client.asked == [(NOW - timedelta(minutes=15), NOW + timedelta(hours=1))]


def test_a_delegated_key_lasts_seven_days_at_the_most() -> None:
    client = Delegating()
    found = told(BlobAccount("forms", URL), hours=24 * 30, client=client)
    ((start, end),) = client.asked
    assert end - start == timedelta(days=7)
    assert found["se"] == "2026-03-09T08:45:00Z"


def test_a_given_sas_is_handed_on_as_it_is_or_named_for_what_it_lacks() -> None:
    sas = "sp=rl&st=2026-03-01T00:00:00Z&se=2026-03-03T00:00:00Z&spr=https&sv=2020-08-04&sr=c&sig=canary"
    assert told(BlobAccount("forms", URL, sas=SecretStr(sas)))["sig"] == "canary"
    with pytest.raises(RowError) as caught:
        told(BlobAccount("forms", URL, sas=SecretStr(sas.replace("sp=rl", "sp=r"))))
    assert caught.value.reason == "storage-sas-unusable"
    assert "list" in str(caught.value) and "canary" not in str(caught.value)
