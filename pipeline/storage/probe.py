"""Whether the work will find a container as it needs it, found out by asking. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

from pipeline.errors import FormpipeError
from pipeline.sas import check_clock
from pipeline.storage.account import BlobAccount
from pipeline.storage.blob import BlobStorage
from pipeline.storage.signing import check_given
from pipeline.types import Finding


def probe(
    storage: BlobStorage, container: str, *, needs: str, until: datetime, now: datetime
) -> Iterator[Finding]:
    """What a real listing, the account's clock and the SAS, if there is one, say of work that needs these
    permissions until then."""
    try:
        account = storage.signed_account
    except FormpipeError as error:
        yield Finding("error", error.reason, container, str(error))
        return
    there = server_time(account)
    if there is None:
        yield Finding("error", "storage-not-reachable", account.name, "Nobody answers there: check the name.")
        return
    yield from check_clock(container, now, there) if account.sas is None else ()
    doubts = check_given(account, container, needs=needs, until=until, now=now, server_time=there)
    yield from doubts
    if not any(doubt.severity == "error" for doubt in doubts):
        yield from _refused(storage, container)


def server_time(account: BlobAccount) -> datetime | None:
    """What time the account says it is: the `Date` of any answer, also of a refusal; None where nobody
    answers."""
    try:
        answer = requests.head(account.url, timeout=10, allow_redirects=False)
        return parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC)
    except (requests.RequestException, KeyError, ValueError):
        return None


def _refused(storage: BlobStorage, container: str) -> Iterator[Finding]:
    try:
        next(storage.list(container, recursive=False), None)
    except FormpipeError as error:
        yield Finding("error", error.reason, container, str(error))
