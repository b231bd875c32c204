"""Layout files of every shape that the services have written, beside a training form."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from pipeline.formats.ocr_json import layout_to_json
from pipeline.training.layouts import made_layout_json, read_layout, service_layout_json
from pipeline.types import Layout, Line, Page, Word

CORNERS = [1.0, 1.0, 2.0, 1.0, 2.0, 1.2, 1.0, 1.2]
WORD = {"content": "Total", "polygon": CORNERS, "confidence": 0.9, "span": {"offset": 0, "length": 5}}
LINE = {"content": "Total", "polygon": CORNERS, "spans": [{"offset": 0, "length": 5}]}
PAGE = {"pageNumber": 1, "width": 8.5, "height": 11.0, "unit": "inch", "words": [WORD], "lines": [LINE]}
READ = Layout(
    (
        Page(
            1,
            8.5,
            11.0,
            "inch",
            (Line("Total", tuple(CORNERS), (Word("Total", tuple(CORNERS), 0.9),)),),  # type: ignore[arg-type]
        ),
    ),
    1,
)


def answer(version: str = "2023-07-31", **members: Any) -> dict[str, Any]:
    result = {"apiVersion": version, "modelId": "prebuilt-layout", "content": "Total", "pages": [PAGE]}
    return {"status": "succeeded", "analyzeResult": result | members}


def encoded(body: Any) -> bytes:
    return json.dumps(body).encode()


@pytest.mark.parametrize("version", ["2022-08-31", "2023-07-31", "2024-11-30"])
def test_a_layout_of_version_3_or_4_is_read(version: str) -> None:
    content = encoded(answer(version))
    found = read_layout(content, "digest")
    assert (found.state, found.layout, found.version) == ("given", READ, version)
    assert found.digest == sha256(content).hexdigest()


def test_the_result_alone_is_read_as_the_whole_answer_is() -> None:
    assert read_layout(encoded(answer()["analyzeResult"]), "digest").layout == READ


def test_a_layout_of_version_2_is_read_as_before() -> None:
    body = {"status": "succeeded", **layout_to_json(READ)}
    found = read_layout(encoded(body), "digest")
    assert (found.state, found.layout) == ("given", READ)
    assert not found.version.startswith("20")


@pytest.mark.parametrize(
    "members",
    [
        {"pages": None},
        {"pages": "1"},
        {"pages": [{}]},
        {"pages": [None]},
        {"pages": [PAGE | {"lines": [{}]}]},
    ],
)
def test_a_layout_that_is_none_is_unreadable_and_ends_nothing(members: dict[str, Any]) -> None:
    assert read_layout(encoded(answer(**members)), "digest").state == "unreadable"


def test_a_layout_that_the_service_read_for_us_is_ours_and_names_its_reader() -> None:
    content = service_layout_json(encoded(answer()), "digest", "document-intelligence")
    found = read_layout(content, "digest")
    assert (found.state, found.layout, found.maker) == ("made", READ, "document-intelligence")
    assert read_layout(content, "another").state == "missing"


def test_a_layout_that_we_made_here_is_read_again() -> None:
    found = read_layout(made_layout_json(READ, "digest"), "digest")
    assert (found.state, found.layout, found.maker) == ("made", READ, "local")
