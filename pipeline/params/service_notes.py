"""What a person should know about the services that rows use, before money is spent. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta

from pipeline.services import ApiVersion, Service
from pipeline.types import Finding, FormType

_SOON = timedelta(days=180)


def service_notes(
    rows: Iterable[FormType], services: Mapping[str, Service], today: date, tier: str
) -> Iterator[Finding]:
    """Warnings of each row: a version that retires soon or has, and what the pricing tier leaves out."""
    for row in rows:
        service = services[row.engine]
        version = service.versions.get(row.api_version or "")
        if row.enabled and version is not None:
            yield from _retirement(row, version, service, today)
            yield from _kind_ends(row, service, today)
            yield from _pages(row, version)
            yield from _tier(row, service, tier)


def _retirement(row: FormType, version: ApiVersion, service: Service, today: date) -> Iterator[Finding]:
    ends = version.retires
    if ends is None or ends > today + _SOON:
        return
    later = [name for name, each in service.versions.items() if each.retires is None or each.retires > ends]
    move = f": set api_version to {later[-1]} and have the model trained again" if later else ""
    if version.retired(today):
        message = f"{row.engine} {version.name} was retired on {ends}; Azure no longer answers{move}."
    else:
        message = f"{row.engine} {version.name} answers until {ends}, {(ends - today).days} days more{move}."
    yield Finding("warning", "api-version-retires", row.form_type, f"{message} ({version.source})")


def _kind_ends(row: FormType, service: Service, today: date) -> Iterator[Finding]:
    """However far that is: no later version takes these models over."""
    ending = service.ending.get(row.model_kind)
    if ending is None:
        return
    when = "ends" if today <= ending.retires else "ended"
    message = (
        f"{row.engine} {when} for models of {row.model_kind} on {ending.retires}, in every version: `local` "
        f"trains them from the same folder. ({ending.source})"
    )
    yield Finding("warning", "model-kind-retires", row.form_type, message)


def _pages(row: FormType, version: ApiVersion) -> Iterator[Finding]:
    if row.max_pages is None or version.pages:
        return
    message = (
        f"{row.engine} {version.name} cannot be told to read {row.max_pages} pages only: longer documents "
        "are read, and paid for, as a whole."
    )
    yield Finding("warning", "max-pages-not-told", row.form_type, message)


def _tier(row: FormType, service: Service, tier: str) -> Iterator[Finding]:
    limits = service.tiers.get(tier)
    wanted = row.max_pages or 0
    if limits is None or (limits.document_pages >= 100 and wanted <= limits.document_pages):
        return
    message = (
        f"The tier {tier} reads the first {limits.document_pages} pages of a document and takes files up to "
        f"{limits.document_mb} MB: longer ones end `partial`, larger ones `dead`."
    )
    yield Finding("warning", "tier-limit", row.form_type, message)
