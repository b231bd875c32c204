"""The lake on disk: repeatable, labelled as a tool would, with a truth that agrees with its papers."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.demo.lake import DESIGNS, LakeManifest, write_lake
from pipeline.demo.rows import demo_rows
from pipeline.formats.fields_json import fields_from_json
from pipeline.formats.labels_json import labels_from_json
from pipeline.types import FieldSpec, TypedValue
from pipeline.values.normalise import normalise


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> LakeManifest:
    return write_lake(tmp_path_factory.mktemp("lake"))


@pytest.fixture(scope="module")
def truth(lake: LakeManifest) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lake.truth.read_text(encoding="utf-8").splitlines()]


def _digests(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    write_lake(tmp_path / "one", training=3, backlog=3)
    write_lake(tmp_path / "two", training=3, backlog=3)
    assert _digests(tmp_path / "one") == _digests(tmp_path / "two")


def test_another_seed_gives_other_documents(tmp_path: Path) -> None:
    write_lake(tmp_path / "one", seed=1, training=1, backlog=1)
    write_lake(tmp_path / "two", seed=2, training=1, backlog=1)
    first, second = _digests(tmp_path / "one"), _digests(tmp_path / "two")
    assert not set(first.values()) - {first[name] for name in first if name.endswith("fields.json")} & set(
        second.values()
    )


def test_no_two_documents_are_equal(lake: LakeManifest) -> None:
    container = lake.root / lake.container
    bodies = Counter(
        hashlib.sha256((container / path).read_bytes()).hexdigest()
        for paths in (*lake.training.values(), *lake.backlog.values())
        for path in paths
    )
    assert max(bodies.values()) == 1


def test_backlogs_hold_documents_only(lake: LakeManifest) -> None:
    container = lake.root / lake.container
    for form_type, paths in lake.backlog.items():
        on_disk = {
            path.relative_to(container).as_posix() for path in (container / form_type / "backlog").iterdir()
        }
        assert on_disk == set(paths)
        assert len(paths) == 25


def test_training_folders_hold_documents_labels_and_the_field_list(lake: LakeManifest) -> None:
    container = lake.root / lake.container
    for form_type, paths in lake.training.items():
        folder = container / form_type / "training"
        expected = {"fields.json"} | {Path(path).name for path in paths}
        expected |= {f"{Path(path).name}.labels.json" for path in paths}
        assert {path.name for path in folder.iterdir()} == expected


def test_one_layout_is_only_in_the_backlog(truth: list[dict[str, Any]]) -> None:
    for design in DESIGNS:
        of_type = [line for line in truth if line["form_type"] == design.form_type]
        trained = Counter(line["layout"] for line in of_type if line["folder"] == "training")
        scored = Counter(line["layout"] for line in of_type if line["folder"] == "backlog")
        assert set(trained) == set(design.seen)
        assert min(trained.values()) >= 3
        assert 0.15 <= scored[design.unseen] / scored.total() <= 0.2


def test_the_truth_has_one_line_per_document(lake: LakeManifest, truth: list[dict[str, Any]]) -> None:
    paths = [path for paths in (*lake.training.values(), *lake.backlog.values()) for path in paths]
    assert sorted(line["path"] for line in truth) == sorted(paths)
    assert all(set(line["fields"]) == set(line["values"]) == set(line["keys"]) for line in truth)


def test_labels_repeat_the_truth_word_by_word(lake: LakeManifest, truth: list[dict[str, Any]]) -> None:
    for line in truth:
        if line["folder"] == "training":
            path = lake.root / lake.container / f"{line['path']}.labels.json"
            labels = labels_from_json(path.read_bytes())
            assert {label.field: label.text for label in labels} == line["fields"]
            words = [region.text for label in labels for region in label.regions]
            assert words == [word for text in line["fields"].values() for word in text.split()]


def test_label_boxes_lie_on_the_page(lake: LakeManifest) -> None:
    container = lake.root / lake.container
    for paths in lake.training.values():
        for path in paths:
            for label in labels_from_json((container / f"{path}.labels.json").read_bytes()):
                for region in label.regions:
                    assert region.polygon is not None
                    assert all(0.0 < number < 1.0 for number in region.polygon)


def test_optional_fields_are_sometimes_blank_and_the_others_never(truth: list[dict[str, Any]]) -> None:
    optional = {"PurchaseOrder", "TradingName", "CallbackPhone"}
    for design in DESIGNS:
        of_type = [line for line in truth if line["form_type"] == design.form_type]
        for spec in design.fields:
            share = sum(spec.name in line["fields"] for line in of_type) / len(of_type)
            assert (0.4 < share < 0.9) if spec.name in optional else share == 1.0


def test_marks_are_seen_in_both_states_among_the_training_forms(truth: list[dict[str, Any]]) -> None:
    for design in DESIGNS:
        for spec in design.fields:
            if spec.type == "selectionMark":
                trained = (line for line in truth if line["folder"] == "training")
                states = {line["fields"].get(spec.name) for line in trained} - {None}
                assert states == {"selected", "unselected"}


def test_printed_texts_read_as_the_true_values(truth: list[dict[str, Any]]) -> None:
    designs = {design.form_type: design for design in DESIGNS}
    for line in truth:
        design = designs[line["form_type"]]
        for spec in design.fields:
            if spec.name in line["fields"]:
                typed = normalise(line["fields"][spec.name], spec, design.locale)
                assert _plain(typed, spec) == str(line["values"][spec.name])


def _plain(typed: TypedValue, spec: FieldSpec) -> str:
    if spec.type == "date":
        return str(typed.date)
    if spec.type in ("currency", "integer"):
        return str(typed.number)
    return str(typed.mark or typed.text)


def test_fields_json_reads_back_as_the_fields_of_the_design(lake: LakeManifest) -> None:
    for design in DESIGNS:
        folder = lake.root / lake.container / design.form_type / "training"
        assert fields_from_json((folder / "fields.json").read_bytes()) == design.fields
        assert 6 <= len(design.fields) <= 10


def test_names_beyond_ascii_occur(truth: list[dict[str, Any]]) -> None:
    texts = [text for line in truth for text in line["fields"].values()]
    assert sum(not text.replace("£", "").isascii() for text in texts) >= 5


def test_the_parameter_rows_name_the_folders_that_were_written(lake: LakeManifest) -> None:
    rows = demo_rows()
    assert [row["form_type"] for row in rows] == [design.form_type for design in DESIGNS]
    for row in rows:
        assert (lake.root / row["training_container_name"] / row["training_blob_root_folder"]).is_dir()
        assert (lake.root / row["scoring_container_name"] / row["scoring_input_blob_folder"]).is_dir()
        assert row["model_id"] == "-1"


def test_scans_come_as_jpeg_and_tiff(lake: LakeManifest) -> None:
    suffixes = Counter(Path(path).suffix for path in lake.backlog["service_report"])
    assert suffixes[".jpg"] >= 5
    assert suffixes[".tif"] >= 5
