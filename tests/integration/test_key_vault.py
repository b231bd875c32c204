"""Secrets from a vault that speaks TLS and challenges, through the vendor's client; and the vault itself,
judged by that client."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.keyvault.secrets import SecretClient

from pipeline.errors import AttemptError, FormpipeError, RowError
from pipeline.secrets.chain import SecretSources, open_secrets
from pipeline.secrets.key_vault import KeyVaultSecrets, open_client
from tests.azure.vault import CLIENT_SECRET, TOKEN, Vault

NAME = "CognitiveServiceSubscriptionKey"


class Signed:
    """A credential of somebody who has a token already; notes what it was asked for."""

    def __init__(self) -> None:
        self.scopes: list[str] = []
        self.more: dict[str, Any] = {}

    def get_token(self, *scopes: str, **more: Any) -> AccessToken:
        self.scopes += scopes
        self.more |= more
        return AccessToken(TOKEN, int(time.time()) + 3600)


@pytest.fixture
def stocked(vault: Vault) -> Vault:
    vault.secrets[NAME] = "canary-value\n"
    return vault


@pytest.fixture
def client(stocked: Vault) -> SecretClient:
    found: SecretClient = open_client(stocked.url, Signed(), retry_total=0)
    return found


# --- the product's way to a vault ---------------------------------------------------------------------


def test_the_first_call_is_challenged_and_the_token_is_used_again(stocked: Vault) -> None:
    secrets = KeyVaultSecrets(stocked.url)
    for _ in range(2):
        found = secrets.find(NAME)
        assert found is not None and found.get_secret_value() == "canary-value"
    assert len(stocked.asked) == 3
    assert stocked.signed_in == 1


def test_a_rotated_secret_is_read_again_when_it_is_asked_for_fresh(stocked: Vault) -> None:
    secrets = open_secrets(SecretSources(None, stocked.url))
    assert secrets.get(NAME) == "canary-value"
    stocked.secrets[NAME] = "canary-new"
    assert (secrets.get(NAME), secrets.get(NAME, fresh=True), secrets.get(NAME)) == (
        "canary-value",
        "canary-new",
        "canary-new",
    )


def test_a_miss_names_every_place(vault: Vault, tmp_path: Path) -> None:
    secrets = open_secrets(SecretSources(tmp_path / ".env", vault.url))
    with pytest.raises(RowError) as caught:
        secrets.get("Storage_Account")
    told = str(caught.value)
    assert caught.value.reason == "secret-missing"
    for place in ("STORAGE_ACCOUNT", str(tmp_path / ".env"), "no such file", vault.url, "Storage-Account"):
        assert place in told


def test_a_credential_and_options_can_be_given(stocked: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in stocked.environment():
        monkeypatch.delenv(name)
    signed = Signed()
    trusting = {"connection_verify": str(stocked.certificates)}
    found = KeyVaultSecrets(stocked.url, credential=signed, **trusting).find(NAME)
    assert found is not None
    assert set(signed.scopes) == {"https://vault.azure.net/.default"}
    assert stocked.signed_in == 0


def test_another_process_reaches_it_with_environment_variables_alone(stocked: Vault) -> None:
    program = (
        "import sys\n"
        "from pipeline.secrets.chain import SecretSources, open_secrets\n"
        f"print(len(open_secrets(SecretSources(None, sys.argv[1])).get({NAME!r})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, stocked.url],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **stocked.environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == (str(len("canary-value")), "")


# --- a vault that fails is no miss --------------------------------------------------------------------


def refusal(vault: Vault, **options: Any) -> FormpipeError:
    with pytest.raises(FormpipeError) as caught:
        KeyVaultSecrets(vault.url, retry_total=0, **options).find(NAME)
    shown = "".join(traceback.format_exception(caught.value))
    assert "canary" not in shown
    return caught.value


@pytest.mark.parametrize(
    ("inner", "told"),
    [
        ("ForbiddenByFirewall", "firewall"),
        ("ForbiddenByPolicy", "access policy"),
        ("AccessDenied", "Key Vault Secrets User"),
        ("ForbiddenByRbac", "Key Vault Secrets User"),
        (None, "Key Vault Secrets User"),
    ],
)
def test_a_vault_that_refuses(stocked: Vault, inner: str | None, told: str) -> None:
    stocked.fail(403, "Forbidden", inner)
    error = refusal(stocked)
    assert (type(error), error.reason) == (RowError, "vault-forbidden")
    assert told in str(error)


def test_a_disabled_secret_is_told(stocked: Vault) -> None:
    stocked.disabled.add(NAME)
    error = refusal(stocked)
    assert error.reason == "vault-forbidden"
    assert f"enable the secret {NAME}" in str(error)


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (429, "Throttled", "vault-throttled"),
        (500, "InternalError", "vault-not-reachable"),
        (503, "ServiceUnavailable", "vault-not-reachable"),
    ],
)
def test_a_vault_that_is_busy_is_tried_later(stocked: Vault, status: int, code: str, reason: str) -> None:
    stocked.fail(status, code)
    error = refusal(stocked)
    assert (type(error), error.reason) == (AttemptError, reason)


def test_a_short_throttle_is_waited_out(stocked: Vault) -> None:
    stocked.fail(429, "Throttled", times=2, retry_after="0")
    assert KeyVaultSecrets(stocked.url).find(NAME) is not None
    assert stocked.failures == []


def test_a_404_that_no_vault_gives_is_no_miss(stocked: Vault) -> None:
    stocked.fail(404, "ResourceNotFound")
    assert refusal(stocked).reason == "vault-url-unusable"


def test_a_token_of_another_tenant(stocked: Vault) -> None:
    body = {"error": {"code": "Unauthorized", "message": "AKV10032: Invalid issuer. canary"}}
    stocked.failures.append((401, body, {}))
    error = refusal(stocked)
    assert error.reason == "vault-not-signed-in"
    assert "AKV10032" in str(error)


def test_a_sign_in_that_is_refused_names_the_code(stocked: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "canary-expired")
    error = refusal(stocked)
    assert (type(error), error.reason) == (RowError, "vault-not-signed-in")
    assert "AADSTS7000215" in str(error)


def test_nobody_signed_in(stocked: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    monkeypatch.delenv("AZURE_CLIENT_SECRET")
    error = refusal(stocked)
    assert (type(error), error.reason) == (RowError, "vault-not-signed-in")
    assert "az login" in str(error)


def test_a_sign_in_service_that_does_not_answer(stocked: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    from azure.identity import ClientSecretCredential

    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://localhost:1")
    tenant, who = (stocked.environment()[f"AZURE_{name}_ID"] for name in ("TENANT", "CLIENT"))
    nobody_there = ClientSecretCredential(
        tenant, who, CLIENT_SECRET, disable_instance_discovery=True, retry_total=0
    )
    error = refusal(stocked, credential=nobody_there)
    assert (type(error), error.reason) == (AttemptError, "vault-sign-in-failed")


def test_a_vault_that_cannot_be_reached(stocked: Vault) -> None:
    with pytest.raises(AttemptError) as caught:
        KeyVaultSecrets("https://localhost:1", credential=Signed(), retry_total=0).find(NAME)
    assert caught.value.reason == "vault-not-reachable"


def test_a_certificate_nobody_vouches_for(stocked: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    error = refusal(stocked, credential=Signed())
    assert (type(error), error.reason) == (AttemptError, "vault-not-reachable")
    assert stocked.asked == []


def test_no_log_of_any_package_holds_a_value(stocked: Vault, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert KeyVaultSecrets(stocked.url).find(NAME) is not None
        stocked.fail(403, "Forbidden", "AccessDenied")
        refusal(stocked)
    assert len(caplog.records) > 5
    for canary in ("canary-value", TOKEN, CLIENT_SECRET):
        assert canary not in caplog.text


# --- the vault, judged by the vendor's client ---------------------------------------------------------


def test_secrets_have_versions(client: SecretClient, stocked: Vault) -> None:
    first = client.get_secret(NAME)
    second = client.set_secret(NAME.lower(), "canary-second")
    assert first.properties.version != second.properties.version
    assert client.get_secret(NAME).value == "canary-second"
    assert client.get_secret(NAME, first.properties.version).value == "canary-value\n"
    assert len(list(client.list_properties_of_secret_versions(NAME))) == 2
    with pytest.raises(ResourceNotFoundError):
        client.get_secret(NAME, "f" * 32)


def test_lists_come_by_pages_and_without_values(client: SecretClient, stocked: Vault) -> None:
    stocked.page_size = 2
    for number in range(4):
        client.set_secret(f"s{number}", "canary")
    stocked.disabled.add("s1")
    listed = list(client.list_properties_of_secrets())
    assert [each.name for each in listed] == [NAME, "s0", "s1", "s2", "s3"]
    assert [each.name for each in listed if not each.enabled] == ["s1"]
    assert stocked.asked.count("GET /secrets") == 3
    assert "canary" not in repr(stocked.asked) + repr([vars(each) for each in listed])


def test_a_name_no_vault_can_have_is_refused(client: SecretClient) -> None:
    for call in (lambda: client.get_secret("a_b"), lambda: client.set_secret("a" * 128, "x")):
        with pytest.raises(HttpResponseError) as caught:
            call()
        assert caught.value.status_code == 400


def test_a_wrong_token_does_not_get_in(stocked: Vault) -> None:
    class Forged(Signed):
        def get_token(self, *scopes: str, **more: Any) -> AccessToken:
            return AccessToken("forged", int(time.time()) + 3600)

    error = refusal(stocked, credential=Forged())
    assert error.reason == "vault-not-signed-in"
    assert "AKV10000" in str(error)


# --- as a person sees it ------------------------------------------------------------------------------


def test_a_run_names_the_role_that_is_missing(vault: Vault, tmp_path: Path) -> None:
    from tests.azure.lake import row_of
    from tests.azure.rehearsal import Side

    side = Side(tmp_path / "project", vault.environment())
    side.settings(
        f'database_url = "sqlite:///formpipe.db"\nstorage = "azure-blob"\nkey_vault_url = "{vault.url}"\n'
    )
    assert side.formpipe("db", "upgrade") == 0, side.told
    side.add([row_of("purchase_invoice")])
    vault.fail(403, "Forbidden", "AccessDenied", times=50)
    assert side.formpipe("run") == 1
    told = "".join(side.told)
    assert "Key Vault Secrets User" in " ".join(told.split())
    assert "secret-missing" not in told
    assert not any(canary in told for canary in (TOKEN, CLIENT_SECRET))
