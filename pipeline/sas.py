"""Shared access signatures: what one allows, and whether that is enough for the work. Pure.

Letters and parameters: "Create a service SAS", "Create an account SAS", "Create a user delegation SAS",
Microsoft Learn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from pipeline.types import Finding

WORDS = {
    "r": "read",
    "a": "add",
    "c": "create",
    "w": "write",
    "d": "delete",
    "l": "list",
    "x": "delete version",
    "t": "tags",
    "m": "move",
    "e": "execute",
    "o": "ownership",
    "p": "permissions",
}
_SKEW = timedelta(minutes=5)
_CUT = "It has no `sig`: it was cut when it was pasted."
_REMEDY = (
    "Make a new one: Azure portal, the container, 'Shared access tokens'; or `az storage container "
    "generate-sas --permissions {letters} --expiry ...`; then update the secret."
)


@dataclass(frozen=True, slots=True)
class Sas:
    """What a signature says of itself; not the signature. `resource`: `c` container, `b` blob, `d` directory,
    empty for an account SAS, whose `services` and `resource_types` are letters (`bfqt`, `sco`). `container`:
    that of the URL it was pasted with, if it was. `expiry` is that of the key it was made with where that
    comes first. `kind` is `account`, `service` or `user-delegation`; `policy`: a stored policy says more."""

    permissions: str = ""
    start: datetime | None = None
    expiry: datetime | None = None
    resource: str = ""
    services: str = ""
    resource_types: str = ""
    container: str = ""
    protocol: str = ""
    address: str = ""
    version: str = ""
    signed: bool = False
    policy: bool = False
    kind: str = "service"


def read_sas(text: str) -> Sas:
    """A SAS as it is pasted: with or without `?`, or at the end of a URL."""
    url, _, query = text.strip().rpartition("?")
    told = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    kind = "account" if "srt" in told else "user-delegation" if "skoid" in told else "service"
    ends = [end for end in (_time(told.get("se")), _time(told.get("ske"))) if end is not None]
    return Sas(
        permissions=told.get("sp", ""),
        start=_time(told.get("st")),
        expiry=min(ends) if "se" in told and ends else None,
        resource=told.get("sr", ""),
        services=told.get("ss", ""),
        resource_types=told.get("srt", ""),
        container=_container(url),
        protocol=told.get("spr", ""),
        address=told.get("sip", ""),
        version=told.get("sv", ""),
        signed=bool(told.get("sig")),
        policy="si" in told,
        kind=kind,
    )


def _container(url: str) -> str:
    """Of `https://ACCOUNT.blob.core.windows.net/CONTAINER/...`; where the host is an address or has no dots,
    the account comes first in the path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    host = parts.hostname or ""
    account_first = host.replace(".", "").isdigit() or "." not in host
    segments = parts.path.strip("/").split("/")[1 if account_first else 0 :]
    return segments[0] if host and segments else ""


def check_sas(
    sas: Sas,
    *,
    needs: str,
    until: datetime,
    now: datetime,
    container: str,
    server_time: datetime | None = None,
    scheme: str = "https",
) -> tuple[Finding, ...]:
    """What keeps a signature from the work, which needs these permissions until then. `server_time`: what
    the storage account says the time is; `scheme`: how the account is reached. Errors first."""
    findings = [
        *_shape(sas, container, needs),
        *_reach(sas, container, needs, scheme),
        *_times(sas, container, needs, now, until, server_time),
        *_permissions(sas, container, needs),
    ]
    return tuple(sorted(findings, key=lambda finding: finding.severity))


def check_clock(account: str, now: datetime, server_time: datetime) -> tuple[Finding, ...]:
    """Whether this machine's clock is too far from the storage account's for signatures to hold."""
    skew = abs(now - server_time)
    if skew <= _SKEW:
        return ()
    message = f"This machine's clock is {_span(skew)} off the storage account's: set it (NTP)."
    return (Finding("warning", "clock-skew", account, message),)


def _shape(sas: Sas, container: str, needs: str) -> list[Finding]:
    """Faults of what it was made for."""
    told = []
    if not sas.signed:
        told.append(("sas-unsigned", _CUT))
    if sas.resource.startswith("b"):
        told.append(("sas-of-a-blob", "It is for one blob; the whole container is needed."))
    if sas.resource == "d":
        told.append(("sas-of-a-folder", "It is for one directory; the whole container is needed."))
    if sas.container and sas.container != container and sas.kind != "account":
        told.append(("sas-wrong-container", f"It is for the container {sas.container!r}."))
    if sas.kind == "account" and "b" not in sas.services:
        told.append(("sas-wrong-service", "It is not for blob storage (ss=b)."))
    lacking = _lacking_types(sas, needs)
    if lacking:
        told.append(("sas-wrong-resource-types", f"It is not for {' and '.join(lacking)} (srt=co)."))
    return [_error(code, container, message, needs) for code, message in told]


def _lacking_types(sas: Sas, needs: str) -> list[str]:
    """An account SAS lists where it is for containers, and reads and writes where it is for objects."""
    if sas.kind != "account":
        return []
    wanted = {"c": "l" in needs, "o": bool({*needs} - {"l"})}
    words = {"c": "containers", "o": "blobs"}
    return [words[letter] for letter, want in wanted.items() if want and letter not in sas.resource_types]


def _reach(sas: Sas, container: str, needs: str, scheme: str) -> list[Finding]:
    """From where and how it is accepted."""
    found = []
    if sas.protocol == "https" and scheme != "https":
        message = "It is for https alone, and the account is reached by http."
        found.append(_error("sas-https-only", container, message, needs))
    if sas.address:
        message = f"It is accepted only from {sas.address}: a service that trains asks from elsewhere."
        found.append(Finding("warning", "sas-address-bound", container, message))
    return found


def _times(
    sas: Sas, container: str, needs: str, now: datetime, until: datetime, server_time: datetime | None
) -> list[Finding]:
    there = server_time or now
    found = list(check_clock(container, now, server_time)) if server_time else []
    if sas.expiry is None:
        if not sas.policy:
            found.append(_error("sas-without-end", container, "It names no expiry (se).", needs))
    elif sas.expiry <= there:
        found.append(_error("sas-expired", container, f"It ended {_span(there - sas.expiry)} ago.", needs))
    elif sas.expiry < until:
        message = f"It ends in {_span(sas.expiry - there)}, the work may take {_span(until - there)}."
        found.append(_error("sas-ends-too-soon", container, message, needs))
    if sas.start is not None and sas.start > there:
        message = f"It is valid only from {_span(sas.start - there)} from now on"
        why = ", for the clock of the machine that made it was ahead" if sas.start - there < _SKEW * 6 else ""
        found.append(_error("sas-not-yet-valid", container, f"{message}{why}.", needs))
    return found


def _permissions(sas: Sas, container: str, needs: str) -> list[Finding]:
    if sas.policy and not sas.permissions:
        return []
    missing = [WORDS.get(letter, letter) for letter in needs if letter not in sas.permissions]
    if missing:
        message = f"It lacks the permission to {' and '.join(missing)}."
        return [_error("sas-permission-missing", container, message, needs)]
    more = [
        WORDS.get(letter, letter) for letter in sas.permissions if letter in "wdxcam" and letter not in needs
    ]
    if more:
        message = f"It also allows to {', '.join(more)}, which this work does not need: narrow it."
        return [Finding("warning", "sas-too-broad", container, message)]
    return []


def _error(code: str, container: str, message: str, needs: str) -> Finding:
    return Finding("error", code, container, f"{message} {_REMEDY.format(letters=needs)}")


def _time(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat((text or "").replace(" ", "+"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _span(length: timedelta) -> str:
    minutes = max(int(length.total_seconds() // 60), 0)
    if minutes < 120:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 60 * 48 else f"{minutes // 1440} days"
