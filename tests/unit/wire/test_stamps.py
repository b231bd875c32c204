"""Times as the services write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipeline.wire.stamps import stamp


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
