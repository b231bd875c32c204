"""What a vault's refusals mean, and which addresses and names it can have. The vendor's client against a
vault over TLS: tests/integration/test_key_vault.py."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import AttemptError, FormpipeError, RowError
from pipeline.secrets.key_vault import KeyVaultSecrets, vault_name
from pipeline.secrets.key_vault_faults import Refusal, meaning

URL = "https://forms.vault.azure.net"


class Client:
    """Stands for the SDK's client: a value, or an error to raise."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def get_secret(self, name: str) -> Any:
        self.asked.append(name)
        if isinstance(self.answer, Exception):
            raise self.answer
        return SimpleNamespace(value=self.answer)


@pytest.mark.parametrize(
    ("refusal", "kind", "reason", "told"),
    [
        (Refusal("x", 403, "AccessDenied"), RowError, "vault-forbidden", "Key Vault Secrets User"),
        (Refusal("x", 403, "ForbiddenByRbac"), RowError, "vault-forbidden", "Key Vault Secrets User"),
        (Refusal("x", 403, "ForbiddenByPolicy"), RowError, "vault-forbidden", "access policy"),
        (Refusal("x", 403, "ForbiddenByFirewall"), RowError, "vault-forbidden", "firewall"),
        (Refusal("x", 403, "ForbiddenByConnection"), RowError, "vault-forbidden", "private endpoint"),
        (Refusal("x", 403, "SecretDisabled"), RowError, "vault-forbidden", "enable the secret my-key"),
        (Refusal("x", 403, "SomethingNew"), RowError, "vault-forbidden", "SomethingNew"),
        (Refusal("x", 403), RowError, "vault-forbidden", "403"),
        (Refusal("x", 401, codes=("AKV10032",)), RowError, "vault-not-signed-in", "AKV10032"),
        (Refusal("x", signing_in=True), RowError, "vault-not-signed-in", "az login"),
        (
            Refusal("x", codes=("AADSTS7000215",), signing_in=True, tried=True),
            RowError,
            "vault-not-signed-in",
            "AADSTS7000215",
        ),
        (Refusal("x", signing_in=True, tried=True), AttemptError, "vault-sign-in-failed", "network"),
        (Refusal("x", 404, "NotFound"), RowError, "vault-url-unusable", "404 NotFound"),
        (Refusal("x", 400, "BadParameter"), RowError, "vault-url-unusable", "my-key"),
        (Refusal("x", 429, "Throttled"), AttemptError, "vault-throttled", "the next run"),
        (Refusal("x", 503), AttemptError, "vault-not-reachable", "503"),
        (Refusal("ServiceRequestError"), AttemptError, "vault-not-reachable", "ServiceRequestError"),
    ],
)
def test_every_refusal_says_what_to_do(
    refusal: Refusal, kind: type[FormpipeError], reason: str, told: str
) -> None:
    error = meaning(refusal, URL, "my-key")
    assert (type(error), error.reason) == (kind, reason)
    assert URL in str(error)
    assert told in str(error)


@given(
    st.builds(
        Refusal,
        st.text(max_size=5),
        st.none() | st.integers(300, 599),
        st.text(max_size=9),
        st.tuples() | st.tuples(st.just("AKV10000")),
        st.booleans(),
        st.booleans(),
    )
)
def test_no_refusal_is_without_a_meaning(refusal: Refusal) -> None:
    error = meaning(refusal, URL, "my-key")
    assert error.reason.startswith("vault-")


@given(st.text(min_size=1, max_size=40))
def test_a_name_is_made_fit_for_a_vault(name: str) -> None:
    made = vault_name(name)
    assert len(made) == len(name)
    assert all(c == "-" or (c.isascii() and c.isalnum()) for c in made)
    assert vault_name(made) == made


@pytest.mark.parametrize(
    "url",
    [
        "forms.vault.azure.net",
        "http://forms.vault.azure.net",
        "https://",
        "https://forms.vault.azure.net/secrets/CognitiveServiceEndpoint/0123",
        "https://forms.vault.azure.net?x=1",
        "https://user:canary@forms.vault.azure.net",
        "https://[forms",
    ],
)
def test_an_address_that_is_no_vault_is_refused_before_anybody_is_asked(url: str) -> None:
    client = Client("canary")
    with pytest.raises(RowError, match="key_vault_url") as caught:
        KeyVaultSecrets(url, lambda url: client).find("a")
    assert caught.value.reason == "vault-url-unusable"
    assert "canary" not in str(caught.value)
    assert client.asked == []


def test_an_address_may_end_in_a_slash_and_one_client_is_made() -> None:
    made: list[str] = []
    client = Client("canary\n")

    def make(url: str) -> Client:
        made.append(url)
        return client

    secrets = KeyVaultSecrets(f"{URL}/", make)
    assert made == []
    for name in ("a_b", "C"):
        found = secrets.find(name)
        assert found is not None and found.get_secret_value() == "canary"
    assert (made, client.asked) == ([URL], ["a-b", "C"])


def test_a_challenge_that_is_none_is_told() -> None:
    client = Client(ValueError("The challenge resource does not match the requested domain"))
    with pytest.raises(RowError, match="key_vault_url") as caught:
        KeyVaultSecrets(URL, lambda url: client).find("a")
    assert caught.value.reason == "vault-url-unusable"


def test_the_place_tells_the_name_it_asks_for() -> None:
    secrets = KeyVaultSecrets(URL)
    assert secrets.looked_in("Endpoint") == f"the Key Vault {URL} (secret Endpoint)"
    assert "secret my-key, for names there are of letters, digits and '-'" in secrets.looked_in("my_key")
    assert "--vault-name forms --name my-key" in secrets.to_set("my_key")
