"""Real forms as three parameter rows, one run from an empty database, right in the typed views."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pipeline.db.column_names import column_names
from pipeline.formats.fields_json import fields_from_json
from pipeline.formats.labels_json import labels_from_json
from pipeline.types import Label
from pipeline.values import equal
from tests.acceptance.conftest import Project

FLOORS = {"ms_invoice": 0.98, "ms_w9": 0.97, "ms_1099": 0.86}
HELD_BACK = 2


def lay_out(project: Project, forms: Path, name: str) -> dict[str, dict[str, str]]:
    """Training forms less two in one folder, those two and the unlabelled ones in the other; returns the
    truth of the backlog, less fields that no training form shows."""
    training, backlog = (project.data / "forms" / name / part for part in ("training", "backlog"))
    training.mkdir(parents=True)
    backlog.mkdir()
    source = forms / name
    documents = [file for file in sorted(source.iterdir()) if file.suffix == ".pdf"]
    labelled = [file for file in documents if file.with_name(f"{file.name}.labels.json").exists()]
    shutil.copy(source / "fields.json", training)
    for file in labelled[:-HELD_BACK]:
        for each in source.glob(f"{file.name}*"):
            shutil.copy(each, training)
    for file in [*labelled[-HELD_BACK:], *(file for file in documents if file not in labelled)]:
        shutil.copy(file, backlog)
    lines = (source / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    truth = {entry["file"]: entry["fields"] for entry in map(json.loads, lines)}
    shown = {label.field for file in training.glob("*.labels.json") for label in read_labels(file)}
    return {
        name: {field: text for field, text in fields.items() if field in shown}
        for name, fields in truth.items()
        if (backlog / name).exists()
    }


def read_labels(file: Path) -> tuple[Label, ...]:
    return labels_from_json(file.read_bytes())


@pytest.mark.xdist_group("real forms")
def test_real_forms_come_out_right(project: Project, shared_forms: Path) -> None:
    truth = {name: lay_out(project, shared_forms, name) for name in FLOORS}
    for name in FLOORS:
        project.add_row(name, f"{name}/training", f"{name}/backlog", locale="en-US")
    project.formpipe("run", expect=None)
    assert project.sql("SELECT DISTINCT outcome FROM document") == [("loaded",)]
    scores = {name: score(project, shared_forms, name, truth[name]) for name in FLOORS}
    assert {name: found for name, found in scores.items() if found < FLOORS[name]} == {}


def score(project: Project, forms: Path, name: str, truth: dict[str, dict[str, str]]) -> float:
    """Micro F1 of the values in the typed view of a form type."""
    specs = fields_from_json((forms / name / "fields.json").read_bytes())
    columns = column_names(specs)
    shown = ", ".join(f'"{columns[spec.name]}"' for spec in specs)
    rows = project.sql(f"SELECT path, {shown} FROM forms_{name}")
    right = given = expected = 0
    for path, *cells in rows:
        answer = truth.get(path.rsplit("/", 1)[-1])
        if answer is None:
            continue
        for spec, cell in zip(specs, cells, strict=True):
            wanted = answer.get(spec.name)
            given += cell is not None
            expected += wanted is not None
            if cell is not None and wanted is not None:
                right += equal(str(cell), wanted, spec, mode="comparison")
    return 2 * right / (given + expected)
