"""The typed view on the command line."""

from __future__ import annotations

import pytest

from pipeline.cli.rows import read_view
from pipeline.db import views
from pipeline.errors import RunError
from pipeline.types import FieldSpec
from tests.unit.conftest import Ledger


def test_rows_are_those_of_the_view(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    ledger.form_type("invoice")
    ledger.document("invoice", "b.pdf", values=[{"field": "No", "value_text": "[red]2"}])
    ledger.document("invoice", "a.pdf", values=[{"field": "No", "value_text": "1"}])
    with ledger.database.begin() as connection:
        views.refresh_view(connection, "invoice", [FieldSpec("No")])
    found = read_view(ledger.database, "invoice", 10)
    assert [record["no"] for record in found.records()] == ["1", "[red]2"]
    found.print()
    assert "b.pdf     [red]2" in capsys.readouterr().out
    assert len(read_view(ledger.database, "invoice", 1).rows) == 1


def test_a_form_type_without_a_view_says_what_to_do(ledger: Ledger) -> None:
    with pytest.raises(RunError) as caught:
        read_view(ledger.database, "invoice", 10)
    assert caught.value.reason == "no-rows-yet"
