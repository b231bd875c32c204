"""The demo's parameter rows, as a data engineer would type them."""

from __future__ import annotations

from typing import Any

from pipeline.demo.design import FormDesign
from pipeline.demo.lake import CONTAINER, DESIGNS


def demo_rows() -> list[dict[str, Any]]:
    """One row per form type of the lake, keyed by column of the parameter table."""
    return [_row(design) for design in DESIGNS]


def _row(design: FormDesign) -> dict[str, Any]:
    return {
        "form_type": design.form_type,
        "form_description": design.description,
        "engine": "local",
        "training_container_name": CONTAINER,
        "training_blob_root_folder": f"{design.form_type}/training",
        "use_label_file": True,
        "scoring_container_name": CONTAINER,
        "scoring_input_blob_folder": f"{design.form_type}/backlog",
        "scoring_output_blob_folder": f"{design.form_type}/output",
        "locale": design.locale,
        "model_id": "-1",
    }
