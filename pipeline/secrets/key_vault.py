"""Secrets from an Azure Key Vault, signed in to by whatever DefaultAzureCredential finds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from pipeline.errors import AttemptError, FormpipeError, RowError
from pipeline.secrets.values import held

_NOT_IN_A_NAME = re.compile(r"[^0-9a-zA-Z-]")
_VAULTS = (".vault.azure.net", ".vault.azure.cn", ".vault.usgovcloudapi.net", ".managedhsm.azure.net")
_ROLE = "give this identity the role 'Key Vault Secrets User' on the vault"
_FORBIDDEN = {
    "ForbiddenByFirewall": "its firewall does not let this machine in: add the address or a private endpoint",
    "ForbiddenByPolicy": f"its access policy does not allow reading secrets: {_ROLE}",
    "SecretDisabled": "the secret is disabled: enable it or add a new version",
    "AccessDenied": _ROLE,
}


class KeyVaultSecrets:
    """`client` makes the SDK's SecretClient; it is made when the first secret is asked for."""

    def __init__(self, url: str, client: Callable[[str], Any] | None = None) -> None:
        self._url = url
        self._make = client or open_client
        self._client: Any = None

    def find(self, name: str) -> SecretStr | None:
        """The newest version; None where the vault has no such secret. Raises RowError `vault-forbidden`,
        `vault-not-signed-in`, AttemptError `vault-not-reachable`: a vault that fails is no miss."""
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        try:
            if self._client is None:
                self._client = self._make(self._url)
            found = self._client.get_secret(vault_name(name))
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise self._named(error) from None
        return held(found.value)

    def looked_in(self, name: str) -> str:
        return f"the Key Vault {self._url} (secret {vault_name(name)})"

    def _named(self, error: Exception) -> FormpipeError:
        from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

        where = f"the Key Vault {self._url}"
        if isinstance(error, ClientAuthenticationError):
            return RowError(
                f"nobody is signed in who may open {where}: sign in with `az login`, or give this machine a "
                "managed identity or a service principal (AZURE_TENANT_ID, AZURE_CLIENT_ID, "
                "AZURE_CLIENT_SECRET)",
                reason="vault-not-signed-in",
            )
        status = error.status_code if isinstance(error, HttpResponseError) else None
        if status == 403:
            inner = _inner_code(error)
            return RowError(
                f"{where} refuses ({inner}): {_FORBIDDEN.get(inner, _ROLE)}", reason="vault-forbidden"
            )
        told = f"answers {status}" if status else f"cannot be reached ({type(error).__name__})"
        return AttemptError(
            f"{where} {told}: try again later, or check key_vault_url", reason="vault-not-reachable"
        )


def vault_name(name: str) -> str:
    """The name as a vault can hold it: letters, digits and dashes."""
    return _NOT_IN_A_NAME.sub("-", name)


def open_client(url: str) -> Any:
    """The SDK's client. A vault outside Azure's domains (a double of it, a private gateway) is not held to
    the domain its challenge names. Raises RowError `azure-not-installed`."""
    try:
        from azure.identity import DefaultAzureCredential
        from azure.keyvault.secrets import SecretClient
    except ImportError:
        raise RowError(
            "a Key Vault needs more packages: pip install 'formpipe[azure]'", reason="azure-not-installed"
        ) from None
    azure = (urlsplit(url).hostname or "").endswith(_VAULTS)
    credential = DefaultAzureCredential(disable_instance_discovery=not azure)
    return SecretClient(url, credential, verify_challenge_resource=azure)


def _inner_code(error: Exception) -> str:
    inner = getattr(getattr(error, "error", None), "innererror", None) or {}
    code = inner.get("code") if isinstance(inner, dict) else None
    return str(code or getattr(getattr(error, "error", None), "code", None) or "Forbidden")
