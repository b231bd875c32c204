"""What time a storage account says it is."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

from pipeline.storage.account import BlobAccount


def server_time(account: BlobAccount) -> datetime | None:
    """From the `Date` of any answer, also of a refusal; None where nobody answers."""
    try:
        answer = requests.head(account.url, timeout=10)
        return parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC)
    except (requests.RequestException, KeyError, ValueError):
        return None
