"""The project file of a folder is known by its content."""

from __future__ import annotations

import json

import pytest

from pipeline.errors import RowError
from pipeline.formats.project_files import find_project

CONTENT = json.dumps(
    {"assets": {"entities": [{"category": "Town"}], "documents": [{"location": "a.txt"}]}}
).encode()


def json_of(**members: object) -> bytes:
    return json.dumps(members).encode()


def refused(*files: tuple[str, bytes]) -> RowError:
    with pytest.raises(RowError) as raised:
        find_project(files)
    return raised.value


@pytest.mark.parametrize("content", [CONTENT, b"\xef\xbb\xbf" + CONTENT], ids=["plain", "byte order mark"])
def test_it_is_found_among_others_whatever_they_are(content: bytes) -> None:
    labels = json_of(document="a.pdf", labels=[])
    layout = json_of(status="succeeded", analyzeResult={})
    files = [("a.json", labels), ("labels.json", layout), ("z.json", content), ("broken.json", b"{")]
    assert find_project([*files, ("list.json", b"[1]")]) == ("z.json", content)


def test_none_and_two_of_them_are_named() -> None:
    assert refused(("a.json", b"{}")).reason == "project-missing"
    two = refused(("a.json", CONTENT), ("b.json", CONTENT))
    assert two.reason == "project-ambiguous"
    assert "a.json, b.json" in str(two)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"assets":\n {"documents": [', "Expecting value, line 2"),
        ('{"name": "Größe"}'.encode("latin-1"), "not in UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
    ],
    ids=["cut", "latin-1", "deep"],
)
def test_a_file_that_is_no_json_is_named_where_there_is_no_other(content: bytes, told: str) -> None:
    error = refused(("cut.json", content), ("a.json", b"{}"))
    assert error.reason == "project-unreadable"
    assert f"cut.json: {told}" in str(error)
