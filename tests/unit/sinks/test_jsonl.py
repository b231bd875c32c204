from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pipeline.errors import RowError
from pipeline.formats.item_json import item_to_json, sealed
from pipeline.sinks.jsonl import JsonlSink
from pipeline.types import SinkItem


def item(key: str, text: str = "Ann") -> SinkItem:
    fields = {"name": {"value": text}}
    return sealed(SinkItem(key, "w9-aa", "w9", "", "forms", "a.pdf", None, "loaded", 1, 1, None, fields))


@pytest.fixture
def sink(tmp_path: Path) -> JsonlSink:
    return JsonlSink(tmp_path / "out")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "out" / "w9.jsonl"


def ids(sink: JsonlSink) -> list[str]:
    return sorted(key for key, _ in sink.keys("w9"))


def test_an_item_is_a_line_of_json(sink: JsonlSink, file: Path) -> None:
    sink.put("w9", [item("a", "Käthe\nZeile \u2028 zwei"), item("b")])
    first, second = file.read_bytes().removesuffix(b"\n").split(b"\n")
    assert json.loads(first) == item_to_json(item("a", "Käthe\nZeile \u2028 zwei"))
    assert "Käthe".encode() in first
    assert json.loads(second)["id"] == "b"


@pytest.mark.parametrize("torn", [b'{"id": "c", "dig', b"{", b"x" * 200_000, b"\0" * 5000])
def test_a_torn_line_counts_for_nothing_and_is_cut_away(sink: JsonlSink, file: Path, torn: bytes) -> None:
    sink.put("w9", [item("a"), item("b")])
    whole = file.read_bytes()
    file.write_bytes(whole + torn)
    assert ids(sink) == ["a", "b"]
    sink.put("w9", [item("c")])
    assert ids(sink) == ["a", "b", "c"]
    assert file.read_bytes().startswith(whole + b'{"id":"c"')


def test_a_file_that_is_nothing_but_torn_begins_anew(sink: JsonlSink, file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"{" * 100_000)
    sink.put("w9", [item("a")])
    assert ids(sink) == ["a"]
    assert file.read_bytes().startswith(b'{"id":"a"')


def test_an_item_that_is_replaced_gets_a_line_that_says_so(sink: JsonlSink, file: Path) -> None:
    sink.put("w9", [item("a")])
    sink.put("w9", [item("b")], ["a"])
    assert json.loads(file.read_bytes().splitlines()[-1]) == {"id": "a", "deleted": True}
    assert ids(sink) == ["b"]
    sink.put("w9", [item("a")])
    assert ids(sink) == ["a", "b"]


def test_nothing_of_a_removed_item_stays_in_the_folder(sink: JsonlSink, file: Path) -> None:
    sink.put("w9", [item("a", "canary one"), item("b", "canary two"), item("c", "kept")])
    sink.put("w9", [item("a", "canary three"), item("d", "kept")], ["b"])
    sink.remove("w9", ["a"])
    left = b"".join(each.read_bytes() for each in file.parent.iterdir())
    assert b"canary" not in left
    assert [json.loads(line)["id"] for line in left.splitlines()] == ["c", "d"]
    assert ids(sink) == ["c", "d"]


def test_a_rewriting_that_was_cut_off_left_the_file_as_it_was(sink: JsonlSink, file: Path) -> None:
    sink.put("w9", [item("a"), item("b")])
    file.with_suffix(".jsonl.new").write_bytes(b"half of it")
    assert ids(sink) == ["a", "b"]
    sink.remove("w9", ["a"])
    assert ids(sink) == ["b"]
    assert [each.name for each in file.parent.iterdir()] == ["w9.jsonl"]


def test_what_a_rewriting_left_behind_goes_with_the_next_line(sink: JsonlSink, file: Path) -> None:
    sink.put("w9", [item("a")])
    file.with_suffix(".jsonl.new").write_bytes(b"canary")
    sink.put("w9", [item("b")])
    assert [each.name for each in file.parent.iterdir()] == ["w9.jsonl"]


@pytest.mark.parametrize("line", [b"no json\n", b"[]\n", b'{"digest": "x"}\n', b"\xff\xfe\n"])
def test_a_line_in_between_that_is_no_item_is_named(sink: JsonlSink, file: Path, line: bytes) -> None:
    sink.put("w9", [item("a")])
    file.write_bytes(line + file.read_bytes())
    with pytest.raises(RowError, match=r"line 1 of .*w9\.jsonl") as caught:
        ids(sink)
    assert caught.value.reason == "sink-damaged"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(RowError) as caught:
        JsonlSink(tmp_path / "taken").put("w9", [item("a")])
    assert caught.value.reason == "sink-not-writable"
    assert "jsonl_folder" in str(caught.value)


def test_a_full_disk_is_named_and_costs_nothing_that_was_there(
    sink: JsonlSink, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink.put("w9", [item("a")])

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(RowError, match="No space left") as caught:
            sink.remove("w9", ["a"])
    assert caught.value.reason == "sink-not-writable"
    assert ids(sink) == ["a"]


def test_a_batch_is_on_the_disk_when_it_was_put(
    sink: JsonlSink, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(os.fstat(handle).st_size)
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    sink.put("w9", [item(str(number)) for number in range(50)])
    assert synced[0] == file.stat().st_size
