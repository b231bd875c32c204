"""Paths in any case, and none too many."""

from __future__ import annotations

import pytest
from starlette.responses import Response

from pipeline.emulator.app import ROUTES
from pipeline.emulator.routing import Route, answer, find, gateway_error


def route(pattern: str, method: str = "GET") -> Route:
    return Route("x", method, pattern, "get", lambda call, service: Response())


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/formrecognizer/v2.1/custom/models/A/analyzeResults/B", {"model": "A", "job": "B"}),
        ("/FormRecognizer/v2.1/custom/MODELS/A/analyzeresults/B/", {"model": "A", "job": "B"}),
        ("/formrecognizer/v2.1/custom/models/A/analyzeResults", None),
        ("/formrecognizer/v2x1/custom/models/A/analyzeResults/B", None),
        ("/formrecognizer/v2.1/custom/models/A/C/analyzeResults/B", None),
    ],
)
def test_a_pattern_is_matched_in_any_case(path: str, values: dict[str, str] | None) -> None:
    pattern = "/formrecognizer/v2.1/custom/models/{model}/analyzeResults/{job}"
    assert route(pattern).match("GET", path) == values


def test_an_action_is_no_part_of_an_id() -> None:
    acting = route("/documentModels/{model}:analyze", "POST")
    assert acting.match("POST", "/documentModels/a.b-c:analyze") == {"model": "a.b-c"}
    assert route("/documentModels/{model}").match("GET", "/documentModels/a:analyze") is None


def test_the_first_route_that_fits_is_taken() -> None:
    first, second = route("/models/compose", "POST"), route("/models/{model}", "POST")
    found = find([first, second], "POST", "/models/compose")
    assert found is not None and found[0] is first
    assert find([first], "GET", "/models/compose") is None


def test_answers_carry_the_headers_of_the_service() -> None:
    told = answer(200, {"a": "é"})
    assert told.headers["content-type"] == "application/json; charset=utf-8"
    assert told.headers["apim-request-id"] and told.headers["x-content-type-options"] == "nosniff"
    assert gateway_error(401, "no").body == b'{"error": {"code": "401", "message": "no"}}'


def test_no_two_routes_answer_the_same_call() -> None:
    keys = [(each.method, each.pattern.lower()) for each in ROUTES]
    assert len(keys) == len(set(keys))
    assert len(keys) > 80
