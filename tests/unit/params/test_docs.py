"""docs/parameters.md says what the table is."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Column, Engine, text

from pipeline.db.tables import form_field, form_type
from pipeline.params import table
from pipeline.params.columns import ALLOWED
from pipeline.params.declarations import read_declarations
from pipeline.params.rules import validate
from pipeline.services import load_services

PAGE = (Path(__file__).parents[3] / "docs" / "parameters.md").read_text(encoding="utf-8")
SECTIONS = {"form_type": PAGE.split("## Columns of `form_field`")[0], "form_field": PAGE}
COLUMNS = [
    pytest.param(column, id=str(column)) for each in (form_type, form_field) for column in each.columns
]


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_is_explained_with_its_default_and_what_is_allowed(column: Column[object]) -> None:
    section = SECTIONS[column.table.name]
    [*_, (meaning, default, allowed)] = re.findall(rf"\| `{column.name}` \| (.+) \| (.*) \| (.+) \|", section)
    assert meaning
    assert allowed == ALLOWED[column.name]
    if column.server_default is not None:
        stated = str(getattr(column.server_default.arg, "text", column.server_default.arg))  # type: ignore[attr-defined]
        assert default.strip("`") == stated


def test_the_insert_and_the_yaml_of_the_page_make_rows_that_run(database: Engine) -> None:
    [insert] = re.findall(r"```sql\n(.+?)```", PAGE, re.DOTALL)
    [yaml] = re.findall(r"```yaml\n(.+?)```", PAGE, re.DOTALL)
    services, today = load_services(), date(2026, 11, 21)
    with database.begin() as connection:
        connection.execute(text(insert))
        inserted = table.load(connection, services, today)
    declared = read_declarations(yaml)
    found = validate(declared.rows, declared.fields["w9"], services, today)
    assert not inserted.faults
    assert not found.faults
    assert inserted.form_types[0].training_folder == found.form_types[0].training_folder
