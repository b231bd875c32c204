"""What a service sends can be held by everything behind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.rest.faults import fault_of
from pipeline.rest.reading import read_json


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (rb'"\ud800x"', "\ufffdx"),
        (rb'"a\u0000b"', "a\ufffdb"),
        (b'"\xed\xa0\x80"', "\ufffd"),
        (rb'{"\udfff": 1}', {"\ufffd": 1}),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (b"[NaN, Infinity, -Infinity, 1e999, -1e400]", [None] * 5),
        (b"[9223372036854775808, 9223372036854775807]", [None, 2**63 - 1]),
        (b"[0.12345678901234567891, 637190189980000000]", [0.12345678901234568, 637190189980000000]),
    ],
)
def test_what_nothing_can_hold_is_replaced(body: bytes, told: Any) -> None:
    assert read_json(body) == told


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 200_000, b"9" * 5000])
def test_what_is_no_json_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        read_json(body)


def test_the_words_of_a_fault_can_be_stored() -> None:
    body = json.dumps({"error": {"code": "x\ud800", "message": "a\x00b"}}).encode()
    fault = fault_of(400, body)
    assert (fault.code, fault.message) == ("x\ufffd", "a\ufffdb")
