"""Times as the services write them, and how long an operation took by them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.wire.stamps import seconds_taken, stamp


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2022-06-24T01:34:41Z", datetime(2022, 6, 24, 1, 34, 41, tzinfo=UTC)),
        ("2022-06-29T00:23:43.635959Z", datetime(2022, 6, 29, 0, 23, 43, 635959, tzinfo=UTC)),
        ("2022-06-29T00:23:43.6359607Z", datetime(2022, 6, 29, 0, 23, 43, 635960, tzinfo=UTC)),
        ("2019-09-25T21:35:08.1247958+00:00", datetime(2019, 9, 25, 21, 35, 8, 124795, tzinfo=UTC)),
        ("2019-09-25T23:35:08+02:00", datetime(2019, 9, 25, 21, 35, 8, tzinfo=UTC)),
        ("2019-09-25T21:35:08", datetime(2019, 9, 25, 21, 35, 8, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1656120379, None),
    ],
)
def test_every_spelling_is_read_into_utc(text: object, time: datetime | None) -> None:
    assert stamp(text) == time


def test_the_head_of_a_finished_operation_tells_how_long_it_ran() -> None:
    body = b'{"status": "succeeded", "createdDateTime":"2026-01-02T03:04:05Z",\n "lastUpdatedDateTime" : '
    assert seconds_taken(body + b'"2026-01-02T03:05:09Z", "analyzeResult": {}}') == 64.0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"status":"succeeded","createdDateTime":"2026-01-02T03:04:05Z"}',
        b'{"createdDateTime":"2026-01-02T03:04:05Z","lastUpdatedDateTime":"soon"}',
        b'{"createdDateTime":"2026-01-02T03:04:05Z","lastUpdatedDateTime":"2026-01-02T03:04:04Z"}',
        b'{"analyzeResult":"'
        + b"x" * 5000
        + b'","createdDateTime":"2026-01-02T03:04:05Z","lastUpdatedDateTime":"2026-01-02T03:05:09Z"}',
    ],
)
def test_who_does_not_tell_is_not_believed(body: bytes) -> None:
    assert seconds_taken(body) is None


@given(st.binary(max_size=3000))
def test_no_bytes_break_it(body: bytes) -> None:
    found = seconds_taken(b'{"createdDateTime":"' + body)
    assert found is None or found >= 0


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.integers(0, 86_400))
def test_it_is_the_difference(begun: datetime, seconds: int) -> None:
    first, last = begun.replace(microsecond=0), begun.replace(microsecond=0) + timedelta(seconds=seconds)
    body = f'{{"createdDateTime":"{first.isoformat()}Z","lastUpdatedDateTime":"{last.isoformat()}Z"}}'
    assert seconds_taken(body.encode()) == seconds
