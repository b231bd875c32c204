"""Rows of one group share one model."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.acceptance.conftest import Project

TRAINING = "supplier_registration/training"


def test_rows_that_share_a_training_folder_share_one_training(project: Project, lake: Path) -> None:
    shutil.copytree(lake / "forms" / TRAINING, project.data / "forms" / TRAINING)
    shutil.copytree(lake / "forms/purchase_invoice/training", project.data / "forms/other/training")
    documents = sorted((lake / "forms/supplier_registration/backlog").iterdir())
    for name, files in {"north": documents[:2], "south": documents[2:4], "west": documents[4:6]}.items():
        folder = project.data / "forms" / name
        folder.mkdir(parents=True)
        for file in files:
            shutil.copy(file, folder)
    for name in ("north", "south"):
        project.add_row(name, TRAINING, name, form_batch_group_id="suppliers", locale="en-GB")
    (project.data / "forms" / "nothing").mkdir()
    project.add_row("other", "other/training", "nothing")

    project.formpipe("run")
    assert versions(project) == [("other", 1, "active"), ("suppliers", 1, "active")]
    assert model_ids(project) == {
        "north": "local-suppliers-v1",
        "other": "local-other-v1",
        "south": "local-suppliers-v1",
    }
    assert project.sql("SELECT count(*) FROM forms_north") == [(2,)]

    project.add_row("west", TRAINING, "west", form_batch_group_id="suppliers", locale="en-GB", model_id="-1")
    project.formpipe("run")
    assert versions(project) == [
        ("other", 1, "active"),
        ("suppliers", 1, "retired"),
        ("suppliers", 2, "active"),
    ]
    ids = model_ids(project)
    assert {ids[name] for name in ("north", "south", "west")} == {"local-suppliers-v2"}
    assert ids["other"] == "local-other-v1"
    assert project.sql("SELECT count(*) FROM forms_west") == [(2,)]
    assert project.formpipe("plan", "--output", "json", expect=0).json["faults"] == []


def versions(project: Project) -> list[tuple[object, ...]]:
    return project.sql("SELECT form_batch_group_id, version, state FROM model_version ORDER BY 1, 2")


def model_ids(project: Project) -> dict[str, str]:
    return dict(project.sql("SELECT form_type, model_id FROM form_type"))  # type: ignore[arg-type]
