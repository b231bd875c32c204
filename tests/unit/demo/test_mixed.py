"""The mixed folder of the demo."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random

from pipeline.demo.lake import DESIGNS
from pipeline.demo.letters import draw_letter
from pipeline.demo.mixed import router_row, write_mixed
from pipeline.reading.options import ReadOptions
from pipeline.reading.reader import read_layout

TYPES = [design.form_type for design in DESIGNS]


def test_an_inbox_has_everything_under_names_that_tell_nothing(tmp_path: Path) -> None:
    truth = write_mixed(tmp_path, forms=2, letters=3, examples=1)
    assert Counter(truth.values()) == {**dict.fromkeys(TYPES, 2), "letter": 3}
    there = sorted(path.name for path in (tmp_path / "forms" / "inbox").iterdir())
    assert [f"inbox/{name}" for name in there] == sorted(truth)
    assert not any(word in name for name in there for word in ("letter", *TYPES))
    lines = [json.loads(line) for line in (tmp_path / "mixed.jsonl").read_text().splitlines()]
    assert {line["path"]: line["class"] for line in lines} == truth
    examples = {path.name: len(list(path.iterdir())) for path in (tmp_path / "forms" / "sorting").iterdir()}
    assert examples == dict.fromkeys([*TYPES, "letter"], 1)


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_mixed(tmp_path / name, forms=1, letters=1, examples=1)
    files = [path for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(files) == 9
    for file in files:
        other = tmp_path / "two" / file.relative_to(tmp_path / "one")
        assert file.read_bytes() == other.read_bytes()


def test_a_letter_is_prose_on_one_page() -> None:
    layout = read_layout(draw_letter(Random(1)).pdf, ReadOptions(max_pages=3), None)
    assert layout.page_count == 1
    assert "Dear" in layout.text
    assert layout.text != read_layout(draw_letter(Random(2)).pdf, ReadOptions(max_pages=3), None).text


def test_the_row_is_a_router() -> None:
    assert (router_row()["model_kind"], router_row()["routes"]) == ("classes", True)
