"""Error bodies in every shape, and what waiting means."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.rest.faults import fault_of, meaning, seconds_to_wait

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error": {"code": "1022", "message": "Model not found."}}, "1022", "Model not found."),
        ({"code": "Gone", "message": "retired"}, "Gone", "retired"),
        ({"statusCode": 401, "message": "Access denied"}, "401", "Access denied"),
        (
            {
                "error": {
                    "code": "NotFound",
                    "message": "a",
                    "innererror": {"code": "ModelNotFound", "message": "b"},
                }
            },
            "ModelNotFound",
            "b",
        ),
        (
            {
                "error": {
                    "code": "InvalidRequest",
                    "message": "a",
                    "details": [{"code": "ModelBuildError", "message": "b"}],
                }
            },
            "ModelBuildError",
            "b",
        ),
        ({"error": "invalid_client", "error_description": "no"}, "invalid_client", "no"),
        ({"error": None}, "418", ""),
        ([], "418", ""),
        ({}, "418", ""),
    ],
)
def test_the_innermost_code_and_message_are_told(body: Any, code: str, message: str) -> None:
    fault = fault_of(418, json.dumps(body).encode())
    assert (fault.code, fault.message) == (code, message)


def test_storage_answers_in_xml() -> None:
    body = b"<?xml version='1.0'?><Error><Code>AuthenticationFailed</Code><Message>no</Message></Error>"
    assert fault_of(403, body).code == "AuthenticationFailed"


def test_a_message_with_a_signature_is_told_without_it() -> None:
    body = json.dumps({"error": {"code": "x", "message": "cannot read https://a/c?sig=canary&se=1"}}).encode()
    assert "canary" not in fault_of(400, body).message


def test_no_part_of_a_fault_shows_a_signature_or_is_endless() -> None:
    url = "https://a/c?sig=canary&se=1"
    error = {"code": f"{url} {'x' * 500}", "message": "y" * 5000, "target": url}
    fault = fault_of(400, json.dumps({"error": error}).encode())
    assert "canary" not in f"{fault}"
    assert (len(fault.code), len(fault.message)) == (100, 1000)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_retry_after_is_too_odd(told: str) -> None:
    seconds = seconds_to_wait({"Retry-After": told}, NOW)
    assert seconds is None or seconds >= 0


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(100, 599))
def test_no_body_is_too_odd(body: bytes, status: int) -> None:
    assert fault_of(status, body).code
    assert meaning(status, fault_of(status, body))


MEMBERS = st.sampled_from(["error", "code", "message", "innererror", "details", "target"])
ODD = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner),
)


@settings(deadline=None)
@given(ODD)
def test_no_json_is_too_odd(body: Any) -> None:
    assert fault_of(400, json.dumps(body).encode()).code


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        (" 3 ", 3.0),
        ("Mon, 02 Mar 2026 09:00:30 GMT", 30.0),
        ("soon", None),
        ("", None),
        ("-5", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(told: str, seconds: float | None) -> None:
    assert seconds_to_wait({"Retry-After": told}, NOW) == seconds


def test_a_date_that_has_passed_means_now() -> None:
    assert seconds_to_wait({"Retry-After": "Mon, 02 Mar 2020 09:00:30 GMT"}, NOW) == 0.0


@pytest.mark.parametrize("told", ["99999999", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_service_is_believed_to_mean_an_hour_at_most(told: str) -> None:
    """Every process that shares the resource keeps to it."""
    assert seconds_to_wait({"Retry-After": told}, NOW) == 3600.0


@pytest.mark.parametrize("told", ["²", "٣", "nan", "inf", "1e9", "Mon, 01 Jan 0001 00:00:00 +2359"])
def test_a_wait_that_makes_no_sense_is_none_or_none_at_all(told: str) -> None:
    assert not seconds_to_wait({"Retry-After": told}, NOW)
