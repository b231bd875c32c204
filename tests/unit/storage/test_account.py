"""What the two storage secrets may hold."""

from __future__ import annotations

import pytest

from pipeline.errors import RowError
from pipeline.storage.account import BlobAccount

SAS = "sp=rl&sig=canary"
KEY = "Y2FuYXJ5"


@pytest.mark.parametrize(
    ("account", "name", "url"),
    [
        ("forms", "forms", "https://forms.blob.core.windows.net"),
        (" forms\n", "forms", "https://forms.blob.core.windows.net"),
        ("https://forms.blob.core.windows.net/", "forms", "https://forms.blob.core.windows.net"),
        ("http://127.0.0.1:10000/devstore", "devstore", "http://127.0.0.1:10000/devstore"),
    ],
)
def test_an_account_is_a_name_or_a_url(account: str, name: str, url: str) -> None:
    found = BlobAccount.of(account, "?" + SAS)
    assert (found.name, found.url) == (name, url)
    assert found.sas is not None and found.sas.get_secret_value() == SAS
    assert found.credential() == SAS


def test_a_connection_string_brings_its_own_credential() -> None:
    found = BlobAccount.of(
        f"DefaultEndpointsProtocol=https;AccountName=forms;AccountKey={KEY}==;EndpointSuffix=core.windows.net",
        "",
    )
    assert (found.name, found.url) == ("forms", "https://forms.blob.core.windows.net")
    assert found.credential() == {"account_name": "forms", "account_key": f"{KEY}=="}
    signed = BlobAccount.of(
        f"BlobEndpoint=https://forms.blob.core.windows.net;SharedAccessSignature={SAS}", None
    )
    assert (signed.name, signed.credential()) == ("forms", SAS)


def test_a_key_and_a_sas_are_told_apart_and_neither_is_shown() -> None:
    for credential in (SAS, KEY):
        found = BlobAccount.of("forms", credential)
        assert (found.sas is None) == (credential == KEY)
        assert credential not in repr(found) + str(found)


def test_without_a_credential_the_identity_signs_in() -> None:
    assert type(BlobAccount.of("forms", None).credential()).__name__ == "DefaultAzureCredential"


@pytest.mark.parametrize(
    "account", ["", "https://", "ftp://forms", "https://forms.blob.core.windows.net/c?sig=x"]
)
def test_what_is_no_account_is_named(account: str) -> None:
    with pytest.raises(RowError) as caught:
        BlobAccount.of(account, None)
    assert caught.value.reason == "storage-account-unusable"
