"""What a Key Vault that does not answer means, and the way out. Pure but for reading the SDK's errors.

Codes: Microsoft Learn, "Azure Key Vault REST API error codes"; `ForbiddenByRbac` and `ForbiddenByConnection`
as vaults with role-based access and without public access answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.errors import AttemptError, FormpipeError, RowError

SECRET_NOT_FOUND = "SecretNotFound"
NO_CHALLENGE = "without a vault's challenge"
_ROLE = (
    "give who is signed in the role 'Key Vault Secrets User' on the vault (a new role takes some minutes to "
    "hold)"
)
_NETWORK = "let this machine through its firewall, or reach it by a private endpoint"
_FORBIDDEN = {
    "AccessDenied": f"{_ROLE}; in a vault with access policies, the secret permission 'Get'",
    "ForbiddenByPolicy": "add an access policy with the secret permission 'Get' for who is signed in",
    "ForbiddenByRbac": _ROLE,
    "ForbiddenByFirewall": _NETWORK,
    "ForbiddenByConnection": _NETWORK,
    "SecretDisabled": "enable the secret {name}, or set a new version of it",
}
_SIGN_IN = (
    "sign in with `az login`, or give this machine a managed identity or a service principal "
    "(AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET)"
)
_CODES = re.compile(r"\b(?:AADSTS|AKV)\d+\b")
_TRIED = "Authentication failed"
"""What azure-identity says of a credential that was set up and could not sign in; one that was not set up
is `unavailable`."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is worth knowing of an error of the SDK. `status` is None where nobody answered; `codes` are
    those in its text (AADSTS…, AKV…), the text itself is left behind. `signing_in`: before the vault was
    asked; `tried`: with something that was set up for it."""

    kind: str
    status: int | None = None
    code: str = ""
    codes: tuple[str, ...] = ()
    signing_in: bool = False
    tried: bool = False

    @classmethod
    def of(cls, error: Exception) -> Refusal:
        from azure.core.exceptions import ClientAuthenticationError

        status = getattr(error, "status_code", None)
        told = str(error)
        return cls(
            type(error).__name__,
            status,
            _code(error),
            tuple(dict.fromkeys(_CODES.findall(told))),
            isinstance(error, ClientAuthenticationError) and status is None,
            _TRIED in told,
        )


def meaning(refusal: Refusal, url: str, name: str) -> FormpipeError:
    """The error that a refusal stands for; the way out is in it."""
    where = f"the Key Vault {url}"
    if refusal.signing_in:
        return _not_signed_in(refusal, where)
    if refusal.status == 401 and refusal.code != NO_CHALLENGE:
        told = f"{where} does not accept who is signed in{_shown(refusal)}"
        return RowError(
            f"{told}: sign in to the vault's own tenant (AZURE_TENANT_ID, `az login --tenant`)",
            reason="vault-not-signed-in",
        )
    if refusal.status == 403:
        todo = _FORBIDDEN.get(refusal.code, f"{_ROLE}, and {_NETWORK}").format(name=name)
        return RowError(
            f"{where} refuses the secret {name} ({refusal.code or '403'}): {todo}", reason="vault-forbidden"
        )
    if refusal.status == 429:
        return AttemptError(
            f"{where} is throttled, with whoever else uses it: the next run goes on", reason="vault-throttled"
        )
    if refusal.status is not None and 400 <= refusal.status < 500:
        return RowError(
            f"{where} answers {refusal.status} {refusal.code} when it is asked for {name}: check that "
            "key_vault_url is the address of a vault, and the name in the row",
            reason="vault-url-unusable",
        )
    told = f"answers {refusal.status}" if refusal.status else f"cannot be reached ({refusal.kind})"
    return AttemptError(
        f"{where} {told}: the next run tries again; if it stays so, check key_vault_url and the network",
        reason="vault-not-reachable",
    )


def _not_signed_in(refusal: Refusal, where: str) -> FormpipeError:
    if refusal.codes:
        return RowError(
            f"the sign-in for {where} was refused{_shown(refusal)}: look the code up at "
            f"https://login.microsoftonline.com/error, or {_SIGN_IN}",
            reason="vault-not-signed-in",
        )
    if refusal.tried:
        return AttemptError(
            f"the sign-in for {where} got no answer: check the network, and AZURE_AUTHORITY_HOST where it "
            "is set",
            reason="vault-sign-in-failed",
        )
    return RowError(f"nobody is signed in who may open {where}: {_SIGN_IN}", reason="vault-not-signed-in")


def _shown(refusal: Refusal) -> str:
    return f" ({', '.join(refusal.codes)})" if refusal.codes else ""


def _code(error: Exception) -> str:
    """The inner code where there is one, else the outer."""
    told = getattr(error, "error", None)
    inner = getattr(told, "innererror", None)
    code = inner.get("code") if isinstance(inner, dict) else None
    return str(code or getattr(told, "code", None) or "")
