"""A backlog in spans, and limits that are shared, on every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.dialects import mssql

from pipeline.db import allotments, claims, hands, leases, runs
from pipeline.db.allotments import WHOLE, Given, Most, millionths, share
from pipeline.db.spans import Span, between, span_size, spans
from pipeline.db.tables import document, form_type, run
from pipeline.types import RunRow

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BLOB = {"container": "c", "etag": "e", "size": 1, "first_seen_at": NOW}


def fill(database: Engine, count: int) -> list[int]:
    """The ids of so many pending documents."""
    with database.begin() as connection:
        place = {"training_container_name": "forms", "scoring_container_name": "forms"}
        connection.execute(insert(form_type).values(form_type="invoice", **place))
        rows = [{"form_type": "invoice", "path": f"{n}", "path_hash": f"{n}", **BLOB} for n in range(count)]
        connection.execute(insert(document), rows)
        return list(connection.scalars(select(document.c.id).order_by(document.c.id)))


def found(database: Engine, **options: int) -> list[Span]:
    with database.connect() as connection:
        return spans(connection, "invoice", NOW, **{"after": 0, "size": 4, "limit": 100} | options)


def test_spans_hold_every_document_once(each_database: Engine) -> None:
    ids = fill(each_database, 10)
    assert found(each_database) == [Span(0, ids[3]), Span(ids[3], ids[7]), Span(ids[7], ids[9])]
    assert found(each_database, limit=2) == [Span(0, ids[3]), Span(ids[3], ids[7])]
    assert found(each_database, after=ids[7]) == [Span(ids[7], ids[9])]
    assert found(each_database, after=ids[9]) == []


def test_spans_leave_out_what_nobody_can_take(each_database: Engine) -> None:
    ids = fill(each_database, 6)
    with each_database.begin() as connection:
        changed = document.update().where
        connection.execute(changed(document.c.id == ids[0]).values(stage="claimed", claimed_by=7))
        connection.execute(changed(document.c.id == ids[1]).values(next_try_at=NOW + timedelta(minutes=1)))
        connection.execute(changed(document.c.id == ids[2]).values(stage="done", outcome="loaded"))
        connection.execute(changed(document.c.id == ids[3]).values(stage="submitted"))
    assert found(each_database, size=2) == [Span(0, ids[4]), Span(ids[4], ids[5])]


def test_a_claim_stays_within_its_span(each_database: Engine) -> None:
    ids = fill(each_database, 6)
    with each_database.begin() as connection:
        key = runs.start(connection, holder="h", now=NOW)
        taken = claims.claim(
            connection, "invoice", key, stage="pending", after=ids[1], limit=100, now=NOW, until=ids[4]
        )
    assert [each.id for each in taken] == ids[2:5]


def test_sql_server_numbers_the_backlog() -> None:
    class Spoken:
        said = ""

        def scalars(self, query: object) -> object:
            Spoken.said = str(query.compile(dialect=mssql.dialect()))  # type: ignore[attr-defined]
            return self

        def all(self) -> list[int]:
            return [4, 8]

    assert spans(Spoken(), "invoice", NOW, after=0, size=4, limit=9) == [Span(0, 4), Span(4, 8)]  # type: ignore[arg-type]
    assert "TOP" in Spoken.said
    assert "row_number() OVER (ORDER BY document.id)" in Spoken.said


@pytest.mark.parametrize(
    ("documents", "slots", "size"),
    [(0, 2, 10), (60, 2, 10), (600, 2, 75), (10_000_000, 64, 500), (100, 0, 25)],
)
def test_the_size_of_a_span(documents: int, slots: int, size: int) -> None:
    assert span_size(documents, slots) == size


def test_spans_between_ends() -> None:
    assert between(3, [5, 9]) == [Span(3, 5), Span(5, 9)]
    assert between(3, []) == []


# --- hands ------------------------------------------------------------------------------------------


def begun(database: Engine, parent: int | None = None) -> int:
    with database.begin() as connection:
        key = runs.start(connection, holder=f"of {parent}", now=NOW, parent_id=parent)
        leases.take(connection, f"run:{key}", f"of {parent}", now=NOW, seconds=60, over=None)
        return key


def test_what_hands_did_is_added_up(each_database: Engine) -> None:
    parent = begun(each_database)
    one, other, foreign = (
        begun(each_database, parent),
        begun(each_database, parent),
        begun(each_database, 999),
    )
    with each_database.begin() as connection:
        for _ in range(2):  # safe to do twice
            hands.note(connection, one, RunRow("invoice", "stopped", loaded=3, pages=5, field_values=30))
        hands.note(connection, one, RunRow("invoice", "finished", loaded=4, pages=6, field_values=40))
        hands.note(connection, other, RunRow("invoice", "stopped", dead=1, retried=2))
        hands.note(connection, other, RunRow("other", "stopped", loaded=50))
        hands.note(connection, foreign, RunRow("invoice", "finished", loaded=70))
        done = hands.done(connection, parent, "invoice")
    assert (done.finished, done.touched) == (5, 7)
    assert (done.counts["pages"], done.counts["field_values"], done.cost) == (6, 40, 0)


def test_hands_go_on_until_one_finds_the_row_impossible(each_database: Engine) -> None:
    parent = begun(each_database)
    hand = begun(each_database, parent)
    with each_database.begin() as connection:
        assert hands.may_go_on(connection, parent, "invoice")
        hands.note(connection, hand, RunRow("invoice", "failed"))
        assert not hands.may_go_on(connection, parent, "invoice")
        assert hands.may_go_on(connection, parent, "other")


def test_hands_stop_when_the_run_is_asked_to_or_has_ended(each_database: Engine) -> None:
    stopped, ended = begun(each_database), begun(each_database)
    with each_database.begin() as connection:
        hands.ask_to_stop(connection, stopped, NOW)
        runs.finish(connection, ended, state="lost", now=NOW)
        assert not hands.may_go_on(connection, stopped, "invoice")
        assert not hands.may_go_on(connection, ended, "invoice")


def test_hands_that_are_laid_off_have_no_lease(each_database: Engine) -> None:
    parent = begun(each_database)
    hand, done = begun(each_database, parent), begun(each_database, parent)
    with each_database.begin() as connection:
        runs.finish(connection, done, state="finished", now=NOW)
        assert hands.lay_off(connection, parent) == 1
        assert leases.look(connection, f"run:{hand}") is None
        assert leases.look(connection, f"run:{parent}") is not None
        query = select(run.c.state).where(run.c.id == hand)
        assert connection.scalar(query) == "running"  # whoever reconciles calls it lost


# --- allotments -------------------------------------------------------------------------------------


def test_what_is_given_never_passes_a_limit(each_database: Engine) -> None:
    key = begun(each_database)
    most = Most(pages=100)
    with each_database.begin() as connection:
        allotments.begin(connection, key, WHOLE, Given(pages=10))
        take = partial(allotments.take, connection, key, WHOLE, least=Given(3), wanted=Given(50), most=most)
        got = [take().pages for _ in range(40)]
        assert allotments.given(connection, key, WHOLE).pages == 10 + sum(got) <= 100
    assert got[0] == 11
    assert got[-1] == 0
    assert 10 + sum(got) > 97


def test_what_was_not_spent_is_given_again(each_database: Engine) -> None:
    key = begun(each_database)
    with each_database.begin() as connection:
        allotments.begin(connection, key, "invoice", Given())
        most = Most(cost=millionths(Decimal(1)))
        least = wanted = Given(1, 900_000)
        assert allotments.take(connection, key, "invoice", least=least, wanted=wanted, most=most) == least
        assert allotments.take(connection, key, "invoice", least=least, wanted=wanted, most=most) == Given()
        allotments.give_back(connection, key, "invoice", Given(0, 850_000))
        assert allotments.given(connection, key, "invoice").cost == 50_000
        assert allotments.take(connection, key, "invoice", least=least, wanted=wanted, most=most) == least


def test_a_share_is_all_or_nothing_of_what_is_needed() -> None:
    assert share(Given(5), Given(6), Given(6), Most(pages=10)) == Given()
    assert share(Given(5), Given(5), Given(9), Most(pages=10)) == Given(5)
    assert share(Given(5), Given(5, 7), Given(9, 7), Most()) == Given(9, 7)
    assert share(Given(0, 95), Given(1, 6), Given(1, 6), Most(cost=100)) == Given()
