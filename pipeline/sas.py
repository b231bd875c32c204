"""Shared access signatures: what one allows, and whether that is enough for the work. Pure.

Letters and parameters: CONTRACTS of Blob storage ("Create a service SAS", "Create an account SAS",
"Create a user delegation SAS", Microsoft Learn)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

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
    """What a signature says of itself; not the signature. `resource`: `c` container, `b` blob, empty for an
    account SAS. `kind` is `account`, `service` or `user-delegation`."""

    permissions: str = ""
    start: datetime | None = None
    expiry: datetime | None = None
    resource: str = ""
    services: str = ""
    protocol: str = ""
    signed: bool = False
    policy: bool = False
    kind: str = "service"


def read_sas(text: str) -> Sas:
    """A SAS as it is pasted: with or without `?`, or at the end of a URL."""
    query = text.strip().rpartition("?")[2]
    told = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    kind = "account" if "srt" in told else "user-delegation" if "skoid" in told else "service"
    return Sas(
        permissions=told.get("sp", ""),
        start=_time(told.get("st")),
        expiry=_time(told.get("se")),
        resource=told.get("sr", ""),
        services=told.get("ss", ""),
        protocol=told.get("spr", ""),
        signed=bool(told.get("sig")),
        policy="si" in told,
        kind=kind,
    )


def check_sas(
    sas: Sas,
    *,
    needs: str,
    until: datetime,
    now: datetime,
    container: str,
    server_time: datetime | None = None,
) -> tuple[Finding, ...]:
    """What keeps a signature from the work, which needs these permissions until then. `server_time`: what
    the storage account says the time is. Errors first."""
    findings = [
        *_shape(sas, container, needs),
        *_times(sas, container, needs, now, until, server_time),
        *_permissions(sas, container, needs),
    ]
    return tuple(sorted(findings, key=lambda finding: finding.severity))


def clock_skew(now: datetime, server_time: datetime) -> timedelta:
    """How much this machine's clock is ahead of the server's."""
    return now - server_time


def _shape(sas: Sas, container: str, needs: str) -> list[Finding]:
    found = []
    if not sas.signed:
        found.append(_error("sas-unsigned", container, _CUT, needs))
    if sas.resource == "b":
        found.append(
            _error("sas-of-a-blob", container, "It is for one blob; the whole container is needed.", needs)
        )
    if sas.kind == "account" and "b" not in sas.services:
        found.append(_error("sas-wrong-service", container, "It is not for blob storage (ss=b).", needs))
    return found


def _times(
    sas: Sas, container: str, needs: str, now: datetime, until: datetime, server_time: datetime | None
) -> list[Finding]:
    there = server_time or now
    found = []
    skew = abs(clock_skew(now, server_time)) if server_time else timedelta()
    if skew > _SKEW:
        message = f"This machine's clock is {_span(skew)} off the storage account's: set it (NTP)."
        found.append(Finding("warning", "clock-skew", container, message))
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
        found = datetime.fromisoformat((text or "").replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _span(length: timedelta) -> str:
    minutes = max(int(length.total_seconds() // 60), 0)
    if minutes < 120:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 60 * 48 else f"{minutes // 1440} days"
