"""What people query, by way of the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.acceptance.conftest import Project

VIEW = "forms_purchase_invoice"


def columns(project: Project, name: str) -> list[str]:
    return [row[1] for row in project.sql(f"PRAGMA table_info({name})")]


def same(project: Project) -> int:
    """How many rows view and target table have, which are the same."""
    listed = ", ".join(columns(project, VIEW))
    shown = project.sql(f"SELECT {listed} FROM {VIEW} ORDER BY 1")
    assert project.sql(f"SELECT {listed} FROM invoices ORDER BY 1") == shown
    return len(shown)


def events(project: Project, run: int) -> list[tuple[str, dict[str, object]]]:
    rows = project.sql(f"SELECT name, details FROM event WHERE run_id = {run} ORDER BY id")
    return [(name, json.loads(details)) for name, details in rows]


def test_views_and_target_table_follow_row_and_documents(trained: Project, lake: Path) -> None:
    source, backlog = lake / "forms/purchase_invoice/backlog", trained.data / "forms/backlog"
    names = sorted(path.name for path in source.iterdir())
    before = columns(trained, VIEW)
    for name in names[:3]:
        shutil.copy(source / name, backlog / name)
    trained.sql("UPDATE form_type SET target_table = 'invoices', confidence_columns = 1, retrain = 'never'")
    trained.formpipe("run")
    first = columns(trained, VIEW)
    assert first == [*before, *(f"{name}_confidence" for name in before[7:])]
    assert same(trained) == 3
    assert ("target-table-created", {"table": "invoices"}) in events(trained, 2)

    trained.sql("UPDATE form_type SET schema_contract = 'freeze'")
    trained.sql("INSERT INTO form_field (form_type, field) VALUES ('purchase_invoice', 'Approved by')")
    (backlog / names[0]).unlink()
    (backlog / names[1]).write_bytes(b"%PDF-1.7 this is the end")
    shutil.copy(source / names[3], backlog / names[3])
    trained.formpipe("run", expect=1)  # one document is dead
    assert columns(trained, VIEW) == first
    assert same(trained) == 3
    assert trained.sql("SELECT outcome, count(*) FROM invoices GROUP BY 1 ORDER BY 1") == [
        ("gone", 1),
        ("loaded", 2),
    ]
    assert ("view-columns-frozen", {"fields": ["Approved by"]}) in events(trained, 3)
    decision = trained.sql("SELECT decision FROM run_row WHERE run_id = 3")[0][0]
    assert "no column (schema_contract freeze): Approved by" in decision

    trained.sql("UPDATE form_type SET schema_contract = 'evolve'")
    trained.formpipe("run")
    added = ["approved_by", "approved_by_confidence"]
    assert columns(trained, VIEW) == columns(trained, "invoices") == [*first, *added]
    assert ("view-columns-added", {"fields": ["Approved by"], "columns": added}) in events(trained, 4)
    assert same(trained) == 3


def test_a_target_table_of_somebody_else_costs_the_row_before_anything_is_scored(
    trained: Project, lake: Path
) -> None:
    source = sorted((lake / "forms/purchase_invoice/backlog").iterdir())[0]
    shutil.copy(source, trained.data / "forms/backlog")
    trained.sql("CREATE TABLE invoices (id INTEGER PRIMARY KEY, note TEXT)")
    trained.sql("UPDATE form_type SET target_table = 'invoices'")
    trained.formpipe("run", expect=None)
    state, reason = trained.sql("SELECT state, reason FROM run_row WHERE run_id = 2")[0]
    assert state == "failed"
    assert reason.startswith("target-table-foreign: target_table invoices is there and not ours")
    assert trained.sql("SELECT count(*) FROM field_value") == [(0,)]
    assert columns(trained, "invoices") == ["id", "note"]
