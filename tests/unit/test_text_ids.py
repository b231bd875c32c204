"""Ids of deployed models of texts."""

from __future__ import annotations

import pytest

from pipeline.params.shapes import model_id
from pipeline.texts import TextModelId


@pytest.mark.parametrize(
    "known", [TextModelId("mail-v1-0123", "scoring"), TextModelId("a.b_c", "Prod", multi_label=True)]
)
def test_an_id_is_read_as_it_is_written_and_may_stand_in_a_row(known: TextModelId) -> None:
    assert TextModelId.parse(str(known)) == known
    assert model_id(str(known)) == str(known)


@pytest.mark.parametrize(
    "text", ["", "project", "project:", ":deployment", "p:d:single", "p:d:", "p:d:multi:x"]
)
def test_what_names_no_deployment_is_no_id(text: str) -> None:
    assert TextModelId.parse(text) is None
