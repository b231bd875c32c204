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
        ("https://forms.dfs.core.windows.net", "forms", "https://forms.blob.core.windows.net"),
        ("https://forms.blob.core.chinacloudapi.cn", "forms", "https://forms.blob.core.chinacloudapi.cn"),
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


def test_who_signs_in_can_be_said() -> None:
    assert BlobAccount.of("forms", None).credential(lambda: "somebody") == "somebody"


@pytest.mark.parametrize(
    ("account", "pasted", "container"),
    [
        ("forms", f"https://forms.blob.core.windows.net/lake?{SAS}", "lake"),
        ("forms", f"https://forms.blob.core.windows.net/lake/in/a.pdf?{SAS}", "lake"),
        ("forms", f"https://forms.blob.core.windows.net/?{SAS}", ""),
        ("http://127.0.0.1:10000/devstore", f"http://127.0.0.1:10000/devstore/lake?{SAS}", "lake"),
        ("forms", SAS, ""),
    ],
)
def test_a_sas_may_be_pasted_as_the_url_it_is_part_of(account: str, pasted: str, container: str) -> None:
    found = BlobAccount.of(account, pasted)
    assert (found.credential(), found.sas_container) == (SAS, container)
    assert "canary" not in repr(found)


def test_a_sas_that_was_cut_is_still_taken_for_one() -> None:
    assert BlobAccount.of("forms", "sp=rl&sr=c&sv=2020-08-04").sas is not None


@pytest.mark.parametrize("credential", ["no key!", "sp=rl", "Y2FuYXJ"])
def test_what_is_neither_sas_nor_key_is_named_and_not_shown(credential: str) -> None:
    with pytest.raises(RowError) as caught:
        BlobAccount.of("forms", credential)
    assert caught.value.reason == "storage-account-unusable"
    assert credential not in str(caught.value)


def test_an_identity_is_not_sent_without_tls() -> None:
    with pytest.raises(RowError) as caught:
        BlobAccount.of("http://127.0.0.1:10000/devstore", None)
    assert "https" in str(caught.value)


@pytest.mark.parametrize(
    "account",
    ["", "https://", "https://[", "ftp://forms", "https://forms.blob.core.windows.net/c?sig=x"],
)
def test_what_is_no_account_is_named(account: str) -> None:
    with pytest.raises(RowError) as caught:
        BlobAccount.of(account, None)
    assert caught.value.reason == "storage-account-unusable"
