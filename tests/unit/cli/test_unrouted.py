"""What moves a document that a router is not sure of."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.cli.unrouted import command
from pipeline.db.routing import UNKNOWN


@pytest.mark.parametrize(
    ("reason", "classes", "told"),
    [
        ("not-sure", ["invoice", "receipt"], "formpipe route 7 invoice"),
        (UNKNOWN, ["letter", "receipt"], "formpipe route 7 FORM_TYPE"),
        ("no-class", [], "formpipe route 7 FORM_TYPE"),
        ("not-sure", ["two words"], "formpipe route 7 'two words'"),
    ],
)
def test_a_command_names_the_likeliest_form_type(reason: str, classes: list[str], told: str) -> None:
    document: dict[str, Any] = {
        "id": 7,
        "reason": reason,
        "guesses": [{"class": name, "confidence": 0.5, "page": 1} for name in classes],
    }
    assert command(document) == told
