"""What a Databricks scope that does not answer means, and the way out. Pure but for reading the errors of the
SDK and of a cluster.

Codes: Databricks REST API reference, "Get a secret" (`secrets/get`); statuses: the SDK's mapping of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.errors import AttemptError, FormpipeError, RowError

NOT_SIGNED_IN = (
    "on a cluster the driver is, its executors are not (name what they need in `spark_env_vars`, as "
    "{{secrets/SCOPE/NAME}}); elsewhere `databricks auth login`, or DATABRICKS_HOST with DATABRICKS_TOKEN or "
    "a service principal (ARM_TENANT_ID, ARM_CLIENT_ID, ARM_CLIENT_SECRET)"
)
_CODES = re.compile(
    r"\b(RESOURCE_DOES_NOT_EXIST|PERMISSION_DENIED|UNAUTHENTICATED|BAD_REQUEST|INVALID_PARAMETER_VALUE"
    r"|MALFORMED_REQUEST|INVALID_STATE|RESOURCE_EXHAUSTED|REQUEST_LIMIT_EXCEEDED|TEMPORARILY_UNAVAILABLE)\b"
)
_NO_SECRET = re.compile(r"(?i)secret does not exist with scope")
"""How a cluster's own utility tells a miss, in place of a code."""

_BAD_TOKEN = re.compile(r"(?i)invalid access token|credential was not sent")
"""A workspace says so with 403 and 401, and with the status where others have a code."""

_CODE_OF_STATUS = {
    "BadRequest": "BAD_REQUEST",
    "NotFound": "RESOURCE_DOES_NOT_EXIST",
    "PermissionDenied": "PERMISSION_DENIED",
    "TooManyRequests": "RESOURCE_EXHAUSTED",
    "Unauthenticated": "UNAUTHENTICATED",
}
"""The SDK's errors of statuses whose answer had no code."""

_MISS = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}
"""The second one: a name that the Key Vault behind a scope cannot hold."""

_VAULT = {"MALFORMED_REQUEST", "INVALID_STATE"}
_THROTTLED = {"RESOURCE_EXHAUSTED", "REQUEST_LIMIT_EXCEEDED"}
_PASSING = {
    "",
    "ABORTED",
    "CANCELLED",
    "DEADLINE_EXCEEDED",
    "INTERNAL_ERROR",
    "TEMPORARILY_UNAVAILABLE",
    "UNKNOWN",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is worth knowing of an error; its text is left behind. `of_vault`: it speaks of the Key Vault
    behind the scope."""

    kind: str
    code: str = ""
    of_vault: bool = False

    @classmethod
    def of(cls, error: Exception) -> Refusal:
        """The SDK wraps the last error of a call it gave up into a TimeoutError."""
        last = error.__cause__ if isinstance(error, TimeoutError) else None
        told = last if isinstance(last, Exception) else error
        text = str(told)
        return cls(type(told).__name__, _code(told, text), "keyvault" in text.replace(" ", "").casefold())

    @property
    def is_miss(self) -> bool:
        return self.code in _MISS


def meaning(refusal: Refusal, scope: str, key: str) -> FormpipeError:
    """The error that a refusal stands for; the way out is in it."""
    where = f"the Databricks scope {scope}"
    what = f"the secret {key}" if key else "the list of scopes"
    if refusal.code == "UNAUTHENTICATED":
        told = f"the Databricks workspace does not accept who is signed in: {NOT_SIGNED_IN}"
        return RowError(told, reason="databricks-not-signed-in")
    if refusal.code in _VAULT or (refusal.code == "PERMISSION_DENIED" and refusal.of_vault):
        return _vault_unusable(refusal, where, what)
    if refusal.code == "PERMISSION_DENIED":
        return RowError(
            f"{where} refuses {what}: let who is signed in read it (`databricks secrets put-acl {scope} WHO "
            "READ`, by who manages the scope)",
            reason="databricks-scope-forbidden",
        )
    if refusal.code == "BAD_REQUEST":
        return RowError(
            f"{where} gives {what} to clusters alone: run there, or set the secrets as environment variables "
            "here, or read the Key Vault itself (key_vault_url)",
            reason="databricks-not-on-a-cluster",
        )
    if refusal.code in _THROTTLED:
        told = f"{where} is throttled, with whoever else uses the workspace: the next run goes on"
        return AttemptError(told, reason="databricks-throttled")
    return _other(refusal, where, what)


def _vault_unusable(refusal: Refusal, where: str, what: str) -> RowError:
    return RowError(
        f"the Key Vault behind {where.removeprefix('the ')} does not give {what} to Databricks "
        f"({refusal.code}): give the application AzureDatabricks the role 'Key Vault Secrets User' "
        "on the vault, let Databricks through its firewall, and see that the vault is still there",
        reason="databricks-vault-unusable",
    )


def _other(refusal: Refusal, where: str, what: str) -> FormpipeError:
    shown = refusal.code or refusal.kind
    if refusal.code in _PASSING:
        return AttemptError(
            f"{where} cannot be asked for {what} ({shown}): the next run tries again; if it stays so, check "
            "DATABRICKS_HOST and the network",
            reason="databricks-not-reachable",
        )
    return RowError(
        f"{where} does not give {what} ({shown}): try `databricks secrets get-secret` as who is signed "
        "in here",
        reason="databricks-refused",
    )


def _code(error: Exception, text: str) -> str:
    """The answer's own code, else that of its status, else the one that stands in the text (a cluster's
    errors have nothing else)."""
    if _BAD_TOKEN.search(text):
        return "UNAUTHENTICATED"
    given = getattr(error, "error_code", None)
    if isinstance(given, str) and given and not given.isdecimal():
        return given
    if _NO_SECRET.search(text):
        return "RESOURCE_DOES_NOT_EXIST"
    found = _CODES.search(text)
    named = next((code for kind, code in _CODE_OF_STATUS.items() if _is_a(error, kind)), "")
    return named or (found[1] if found else "")


def _is_a(error: Exception, kind: str) -> bool:
    return any(each.__name__ == kind for each in type(error).__mro__)
