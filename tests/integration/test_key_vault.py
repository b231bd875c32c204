"""Secrets from a vault that speaks TLS and challenges, through the vendor's client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import AttemptError, RowError
from pipeline.secrets.chain import SecretSources, open_secrets
from pipeline.secrets.key_vault import KeyVaultSecrets
from tests.azure.vault import Vault, running_vault


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    with running_vault(tmp_path / "vault", {"CognitiveServiceSubscriptionKey": "canary-value\n"}) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


def test_the_first_call_is_challenged_and_the_value_comes_without_its_line_end(vault: Vault) -> None:
    found = KeyVaultSecrets(vault.url).find("CognitiveServiceSubscriptionKey")
    assert found is not None and found.get_secret_value() == "canary-value"
    assert len(vault.asked) == 2
    assert "canary" not in repr(found)


def test_a_name_is_found_in_any_case_and_made_fit_for_a_vault(vault: Vault) -> None:
    vault.secrets["Storage-Key"] = "x"
    secrets = KeyVaultSecrets(vault.url)
    assert secrets.find("CognitiveserviceSubscriptionKey") is not None
    assert secrets.find("storage_key") is not None
    assert secrets.find("nowhere") is None


def test_a_rotated_secret_is_read_again_when_it_is_asked_for_fresh(vault: Vault) -> None:
    secrets = open_secrets(SecretSources(None, vault.url))
    name = "CognitiveServiceSubscriptionKey"
    assert secrets.get(name) == "canary-value"
    vault.secrets[name] = "canary-new"
    assert secrets.get(name) == "canary-value"
    assert secrets.get(name, fresh=True) == "canary-new"
    assert secrets.get(name) == "canary-new"


def test_a_miss_names_every_place(vault: Vault, tmp_path: Path) -> None:
    secrets = open_secrets(SecretSources(tmp_path / ".env", vault.url))
    with pytest.raises(RowError) as caught:
        secrets.get("StorageAccountName")
    told = str(caught.value)
    assert caught.value.reason == "secret-missing"
    for place in ("STORAGE_ACCOUNT_NAME", str(tmp_path / ".env"), "no such file", vault.url):
        assert place in told


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("ForbiddenByFirewall", "firewall"),
        ("ForbiddenByPolicy", "access policy"),
        ("AccessDenied", "Key Vault Secrets User"),
    ],
)
def test_a_vault_that_refuses_is_no_miss(vault: Vault, code: str, told: str) -> None:
    body = {"error": {"code": "Forbidden", "message": "no", "innererror": {"code": code}}}
    vault.failures.append((403, body))
    with pytest.raises(RowError, match=told) as caught:
        KeyVaultSecrets(vault.url).find("x")
    assert caught.value.reason == "vault-forbidden"


def test_a_disabled_secret_is_told(vault: Vault) -> None:
    vault.disabled.add("CognitiveServiceSubscriptionKey")
    with pytest.raises(RowError, match="disabled"):
        KeyVaultSecrets(vault.url).find("CognitiveServiceSubscriptionKey")


def test_nobody_signed_in_and_nobody_there(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    monkeypatch.delenv("AZURE_CLIENT_SECRET")
    with pytest.raises(RowError, match="az login") as caught:
        KeyVaultSecrets(vault.url).find("x")
    assert caught.value.reason == "vault-not-signed-in"


def test_a_vault_that_cannot_be_reached_is_tried_later(vault: Vault) -> None:
    from azure.core.pipeline.policies import RetryPolicy
    from azure.identity import DefaultAzureCredential
    from azure.keyvault.secrets import SecretClient

    def client(url: str) -> SecretClient:
        return SecretClient(
            url,
            DefaultAzureCredential(disable_instance_discovery=True),
            retry_policy=RetryPolicy.no_retries(),
        )

    with pytest.raises(AttemptError) as caught:
        KeyVaultSecrets("https://localhost:1", client).find("x")
    assert caught.value.reason == "vault-not-reachable"
