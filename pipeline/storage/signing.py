"""A container's URL with a signature that allows just what the work needs, for as long as it takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from azure.storage.blob import (
    BlobServiceClient,
    ContainerSasPermissions,
    generate_container_sas,
)

from pipeline.errors import RowError
from pipeline.remote import ContainerLink
from pipeline.sas import check_sas, read_sas
from pipeline.storage.account import BlobAccount
from pipeline.types import Finding

_BEFORE = timedelta(minutes=15)
_LONGEST_DELEGATION = timedelta(days=7)
_LONGEST_URL = 2048


def link(
    account: BlobAccount,
    client: BlobServiceClient,
    container: str,
    permissions: str,
    lifetime: timedelta,
    now: datetime,
) -> ContainerLink:
    """Signed by the account key, or by the identity that is signed in; a SAS that was given is handed on as
    it is, where it is good enough. It begins a quarter of an hour ago, for clocks that are behind.

    Raises RowError `storage-sas-unusable`, `storage-link-too-long`.
    """
    until = now + lifetime
    sas = (
        account.sas.get_secret_value()
        if account.sas
        else _signed(account, client, container, permissions, now - _BEFORE, until)
    )
    if account.sas is not None:
        _require(account, container, permissions, until, now)
    url = f"{account.url}/{container}?{sas}"
    if len(url) > _LONGEST_URL:
        raise RowError("the signed URL of the container is longer than 2,048 characters",
                       reason="storage-link-too-long")  # fmt: skip
    return ContainerLink(container, url)


def _signed(
    account: BlobAccount,
    client: BlobServiceClient,
    container: str,
    permissions: str,
    start: datetime,
    until: datetime,
) -> str:
    allowed = ContainerSasPermissions.from_string(permissions)
    protocol = "https" if account.url.startswith("https") else "https,http"
    if account.key is not None:
        return generate_container_sas(
            account.name,
            container,
            account_key=account.key.get_secret_value(),
            permission=allowed,
            start=start,
            expiry=until,
            protocol=protocol,
        )
    until = min(until, start + _LONGEST_DELEGATION)
    key = client.get_user_delegation_key(start.astimezone(UTC), until.astimezone(UTC))
    return generate_container_sas(
        account.name,
        container,
        user_delegation_key=key,
        permission=allowed,
        start=start,
        expiry=until,
        protocol=protocol,
    )


def _require(account: BlobAccount, container: str, permissions: str, until: datetime, now: datetime) -> None:
    findings = check_given(account, container, needs=permissions, until=until, now=now)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        told = " ".join(finding.message for finding in errors[:2])
        raise RowError(f"the SAS cannot be handed to the service: {told}", reason="storage-sas-unusable")


def check_given(
    account: BlobAccount,
    container: str,
    *,
    needs: str,
    until: datetime,
    now: datetime,
    server_time: datetime | None = None,
) -> tuple[Finding, ...]:
    """What the SAS that an account was given lacks for the work; nothing where it was given none."""
    if account.sas is None:
        return ()
    sas = replace(read_sas(account.sas.get_secret_value()), container=account.sas_container)
    return check_sas(
        sas,
        needs=needs,
        until=until,
        now=now,
        container=container,
        server_time=server_time,
        scheme=account.url.partition(":")[0],
    )
