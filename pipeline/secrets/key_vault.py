"""Secrets from an Azure Key Vault, signed in to by whatever DefaultAzureCredential finds."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from pipeline.errors import RowError
from pipeline.secrets.key_vault_faults import NO_CHALLENGE, SECRET_NOT_FOUND, Refusal, meaning
from pipeline.secrets.values import held

_NOT_IN_A_NAME = re.compile(r"[^0-9a-zA-Z-]")
_VAULTS = (".vault.azure.net", ".vault.azure.cn", ".vault.usgovcloudapi.net")
"""Domains of the clouds (Microsoft Learn, "Azure Key Vault keys, secrets, and certificates overview")."""


class KeyVaultSecrets:
    """`client` makes the SDK's SecretClient of a URL; it is made when the first secret is asked for.
    `credential` and more `options` of the SDK's client are for the one that is made otherwise."""

    def __init__(
        self, url: str, client: Callable[[str], Any] | None = None, *, credential: Any = None, **options: Any
    ) -> None:
        self._url = url.rstrip("/")
        self._make = client or (lambda url: open_client(url, credential, **options))
        self._client: Any = None
        self._opening = threading.Lock()

    def find(self, name: str) -> SecretStr | None:
        """The newest version; None where the vault has no such secret.

        Raises RowError `vault-url-unusable`, `vault-not-signed-in`, `vault-forbidden`, AttemptError
        `vault-throttled`, `vault-not-reachable`, `vault-sign-in-failed`: a vault that fails is no miss.
        """
        client = self._opened()
        from azure.core.exceptions import AzureError

        try:
            return held(client.get_secret(vault_name(name)).value)
        except AzureError as error:
            refusal = Refusal.of(error)
        except ValueError:  # the SDK's word for a challenge that is none, or names another domain
            refusal = Refusal("ValueError", 401, NO_CHALLENGE)
        if refusal.code == SECRET_NOT_FOUND:
            return None
        raise meaning(refusal, self._url, vault_name(name))

    def looked_in(self, name: str) -> str:
        why = "" if vault_name(name) == name else ", for names there are of letters, digits and '-'"
        return f"the Key Vault {self._url} (secret {vault_name(name)}{why})"

    def to_set(self, name: str) -> str:
        vault = (urlsplit(self._url).hostname or "").partition(".")[0]
        return f"`az keyvault secret set --vault-name {vault} --name {vault_name(name)} --value ...`"

    def _opened(self) -> Any:
        with self._opening:
            if self._client is None:
                _check_url(self._url)
                self._client = self._make(self._url)
            return self._client


def vault_name(name: str) -> str:
    """The name as a vault can hold it: letters, digits and dashes."""
    return _NOT_IN_A_NAME.sub("-", name)


def open_client(url: str, credential: Any = None, **options: Any) -> Any:
    """The SDK's client. A vault outside Azure's domains (a private gateway, a double of a vault) is not held
    to the domain its challenge names, and who signs in there is not asked of Azure.

    Raises RowError `azure-not-installed`.
    """
    try:
        from azure.identity import DefaultAzureCredential
        from azure.keyvault.secrets import SecretClient
    except ImportError:
        raise RowError(
            "a Key Vault needs more packages: pip install 'formpipe[azure]'", reason="azure-not-installed"
        ) from None
    azure = (urlsplit(url).hostname or "").endswith(_VAULTS)
    signing_in = credential or DefaultAzureCredential(disable_instance_discovery=not azure)
    return SecretClient(url, signing_in, **{"verify_challenge_resource": azure, **options})


def _check_url(url: str) -> None:
    """What the SDK takes and then fails at: no https, a path (the address of a secret)."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "https" and bool(parts.hostname) and not parts.path and not parts.query
    except ValueError:
        usable = False
    if not usable or "@" in url:
        raise RowError(
            "key_vault_url is not the address of a vault: set it to https://NAME.vault.azure.net, without a "
            "path",
            reason="vault-url-unusable",
        )
