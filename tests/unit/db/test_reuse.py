"""What is said to the database where values go over, as SQL Server gets it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, select, update

from pipeline.db import gone, reuse
from pipeline.db.tables import document, field_value, part
from pipeline.types import FormType
from tests.databases.spoken import Spoken, faults, listening
from tests.unit.conftest import START, Ledger

ROW = FormType("invoice", "invoice", "lake", "t/", "lake", "invoice/in/", on_gone="remove")
VALUES = ({"field": "total"}, {"field": "total", "source": "person"})


def test_every_statement_is_one_of_sql_server_too(database: Engine, tmp_path: Path) -> None:
    ledger = Ledger(database, tmp_path)
    ledger.form_type("invoice")
    version = ledger.version("invoice", 1)
    old = ledger.document("invoice", "old.pdf", values=VALUES, content_hash="h", model_version_id=version)
    new = ledger.document("invoice", "new.pdf", None)
    read = ledger.document("invoice", "read.pdf", values=VALUES[:1], content_hash="h")
    heard = Spoken()
    with listening(heard), database.begin() as connection:
        connection.execute(update(document).where(document.c.id == old).values(outcome="gone"))
        found = reuse.find(connection, new, "invoice", "h", version)
        assert found is not None and found.id == old
        assert reuse.still_there(connection, [old]) == {old: "h"}
        reuse.take_over(connection, old, new)
        reuse.carry_corrections(connection, "invoice", {read: "h"})
        gone.remove_values(connection, ROW, after=0, limit=10, now=START)
        query = select(part.c.document_id, field_value.c.source).join(part)
        stored = sorted(map(tuple, connection.execute(query)))
    assert stored == sorted((key, source) for key in (old, new, read) for source in ("model", "person"))
    assert len(heard.compiled) > 12
    assert heard.texts == set()
    wrong = {statement: told for statement in sorted(heard.compiled) if (told := faults(statement))}
    assert not wrong, "\n".join(f"{told}: {statement}" for statement, told in wrong.items())
    assert any("UPDLOCK" in statement and "content_hash" in statement for statement in heard.compiled)
