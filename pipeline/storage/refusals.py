"""What an answer of a storage account means for who asked: the error of ours, named by what it ends.

Codes: "Blob service error codes" and "Common REST API error codes", Microsoft Learn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    ResourceModifiedError,
    ResourceNotFoundError,
)

from pipeline.errors import AttemptError, DocumentError, FormpipeError, RowError
from pipeline.sas import read_sas
from pipeline.storage.account import BlobAccount

Doing = Literal["list", "read", "write", "delete", "link"]

_NOT_SIGNED_IN = {
    "AuthenticationFailed",
    "AuthorizationFailure",
    "InvalidAuthenticationInfo",
    "NoAuthenticationInformation",
}
_SAS_TOO_NARROW = {
    "AuthorizationPermissionMismatch",
    "AuthorizationResourceTypeMismatch",
    "AuthorizationServiceMismatch",
}
_NAMES_NOTHING = {"InvalidResourceName", "InvalidUri", "OutOfRangeInput"}
_FROZEN = {"BlobImmutableDueToPolicy", "BlobIsReadOnly", "ContainerImmutableDueToPolicy"}
_WORDS = {
    "list": "list",
    "read": "read from",
    "write": "write into",
    "delete": "delete from",
    "link": "sign a link for",
}
_PERMISSIONS = {
    "list": "permissions read and list",
    "read": "permissions read and list",
    "write": "permissions read, list, create and write",
    "delete": "permission to delete (d)",
    "link": "permissions read and list",
}
_ROLES = {
    "list": "Storage Blob Data Reader",
    "read": "Storage Blob Data Reader",
    "write": "Storage Blob Data Contributor",
    "delete": "Storage Blob Data Contributor",
    "link": "Storage Blob Delegator",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of which container, signed in how."""

    doing: Doing
    container: str
    account: BlobAccount


def signed_out(error: AzureError) -> bool:
    """Whether the account does not know, or no longer knows, who asks."""
    return (
        isinstance(error, ClientAuthenticationError)
        or _code(error) in _NOT_SIGNED_IN
        or getattr(error, "status_code", None) == 401
    )


def refusal(error: AzureError, asked: Asked, now: datetime) -> FormpipeError:
    """The error that tells it. Messages hold the service's code and never its text, which may quote URLs."""
    if signed_out(error):
        return _not_signed_in(asked.account, now)
    if isinstance(error, ResourceModifiedError):
        return AttemptError("the blob changed after it was listed", reason="blob-changed")
    if isinstance(error, ResourceNotFoundError):
        return _missing(error, asked)
    status, code = getattr(error, "status_code", None), _code(error)
    if status == 403 or code in _FROZEN:
        return _not_allowed(code or "403", asked)
    if status == 400:
        return _impossible(code, asked)
    if code == "BlobArchived":
        return DocumentError("the blob is in the archive tier: rehydrate it", reason="blob-archived")
    told = f"answers {status} {code}".strip() if status else f"cannot be reached ({type(error).__name__})"
    return AttemptError(f"the storage account {asked.account.name} {told}", reason="blob-unreadable")


def _missing(error: AzureError, asked: Asked) -> FormpipeError:
    if asked.doing == "read" and _code(error) != "ContainerNotFound":
        return DocumentError("the blob is no longer there", reason="blob-gone")
    return RowError(
        f"there is no container {asked.container!r} in the storage account {asked.account.name}: create it "
        "or mend the row",
        reason="container-missing",
    )


def _impossible(code: str, asked: Asked) -> FormpipeError:
    if code == "AccountRequiresHttps":
        message = f"the storage account {asked.account.name} is reached only by https: mend its URL"
        return RowError(message, reason="storage-account-unusable")
    if code in _NAMES_NOTHING and asked.doing in ("read", "write", "delete"):
        return DocumentError("blob storage cannot hold a blob of this name", reason="unsafe-path")
    if code in _NAMES_NOTHING:
        return RowError(
            f"no container can be named {asked.container!r} (3 to 63 small letters, digits and single "
            "dashes): mend the row",
            reason="container-missing",
        )
    return AttemptError(f"the storage account answers 400 {code}".strip(), reason="blob-unreadable")


def _not_allowed(code: str, asked: Asked) -> RowError:
    return RowError(
        f"this sign-in may not {_WORDS[asked.doing]} the container {asked.container!r} of the account "
        f"{asked.account.name} ({code}): {_way_out(code, asked)} (`formpipe doctor` tells more)",
        reason=_reason(code, asked),
    )


def _reason(code: str, asked: Asked) -> str:
    if asked.doing in ("write", "delete"):
        return "storage-not-writable"
    narrow = asked.account.sas is not None and code in _SAS_TOO_NARROW
    return "storage-sas-permission" if narrow else "storage-not-authorised"


def _way_out(code: str, asked: Asked) -> str:
    if code in _FROZEN:
        return "its blobs are immutable by policy; have it ended, or write elsewhere"
    if code == "AuthorizationSourceIPMismatch":
        return "the SAS is for another address range; make one for this machine's"
    if code == "AuthorizationProtocolMismatch":
        return "the SAS is for https; make the URL of the account begin with it"
    if code == "KeyBasedAuthenticationNotPermitted":
        return "the account takes no keys; delete the secret of the key and give the identity a role"
    if asked.account.sas is not None:
        return f"the SAS needs the {_PERMISSIONS[asked.doing]}"
    if asked.account.key is not None:
        return "look at the account's locks and network rules"
    return f"the identity needs the role {_ROLES[asked.doing]!r}; a new one takes some minutes to hold"


def _not_signed_in(account: BlobAccount, now: datetime) -> RowError:
    sas = read_sas(account.sas.get_secret_value()) if account.sas else None
    if sas is not None and sas.expiry is not None and sas.expiry <= now:
        return RowError(
            f"the SAS of the storage account {account.name} has expired: make a new one and update the "
            "secret (`formpipe doctor` tells what it needs)",
            reason="storage-sas-expired",
        )
    return RowError(
        f"the storage account {account.name} does not accept {_what_was_shown(account)}, or its firewall "
        "keeps this machine out (`formpipe doctor` tells more)",
        reason="storage-not-authorised",
    )


def _what_was_shown(account: BlobAccount) -> str:
    if account.sas is not None:
        return "the SAS: it is for another container or account, was cut, or its key was changed"
    if account.key is not None:
        return "the account key: it was changed, is another account's, or this machine's clock is wrong"
    return (
        "the identity, or nobody is signed in: `az login`, AZURE_CLIENT_ID of the managed identity, or a SAS"
    )


def _code(error: AzureError) -> str:
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")
