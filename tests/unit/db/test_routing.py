"""What is said to the database where documents are handed on and moved, as SQL Server gets it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, select

from pipeline.db import moves, routing, text_labels
from pipeline.db.routing import Leg
from pipeline.db.tables import document, field_value
from pipeline.db.text_labels import TextLabel
from pipeline.types import BacklogDocument, BlobRef
from tests.databases.spoken import Spoken, faults, listening
from tests.unit.conftest import START, Ledger

CLASS = {"field": "class", "text": "invoice", "confidence": 0.4}


def test_every_statement_is_one_of_sql_server_too(database: Engine, tmp_path: Path) -> None:
    ledger = Ledger(database, tmp_path)
    for name in ("invoice", "receipt"):
        ledger.form_type(name)
    ledger.form_type("mail", model_kind="classes", routes=True)
    key = ledger.document("mail", "a.pdf", values=(CLASS,))
    heard = Spoken()
    with listening(heard), database.begin() as connection:
        source = moves.source(connection, key)
        assert source is not None
        assert [value.found.text for value in source.values] == ["invoice"]
        routing.hand_on(connection, {source.document: [Leg("invoice")]}, START)
        (made,) = routing.routed_from(connection, [key])
        assert moves.places(connection, [key, made.id]) == [
            moves.Place(key, key, "mail", None),
            moves.Place(made.id, key, "mail", None),
        ]
        routing.hand_on(connection, {source.document: [Leg("receipt", (1, 1))]}, START)
        routing.follow_gone(connection, [key], START, "blob-gone")
        assert routing.routers_of(connection, [key]) == {key: "mail"}
        text_labels.remember(connection, "mail", TextLabel(source.document.ref, "x"), by="me", now=START)
        moves.correct(connection, key, "receipt")
        moves.settle(connection, key, "unrouted", routing.UNKNOWN, None)
        routing.reset_unknown(connection, "mail", ["receipt"])
        waiting = connection.scalar(select(document.c.outcome).where(document.c.id == key))
        routing.reset_unknown(connection, "mail", ["invoice"])
        again = connection.scalar(select(document.c.stage).where(document.c.id == key))
        sources = connection.scalars(select(field_value.c.source).order_by(field_value.c.source)).all()
    assert (again, sources) == ("pending", ["model", "person"])
    assert waiting is None, "a person's class is one, too"
    assert heard.texts == set()
    wrong = {statement: told for statement in sorted(heard.compiled) if (told := faults(statement))}
    assert not wrong, "\n".join(f"{told}: {statement}" for statement, told in wrong.items())
    assert any("UPDLOCK" in statement for statement in heard.compiled)


def test_the_insert_for_sql_server_looks_first(database: Engine, tmp_path: Path) -> None:
    """The same statement, which SQLite understands as well."""
    ledger = Ledger(database, tmp_path)
    ledger.form_type("invoice")
    wanted = routing._Wanted(
        BacklogDocument(7, "mail", BlobRef("", "lake", "a.pdf", "1"), 3), Leg("invoice"), ("invoice", "h")
    )
    with database.begin() as connection:
        for _ in range(2):
            connection.execute(routing._ADD["mssql"], routing._row(wanted, START))
        rows = connection.execute(select(document.c.routed_from, document.c.path)).all()
    assert [tuple(row) for row in rows] == [(7, "a.pdf")]
