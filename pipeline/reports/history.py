"""What all runs together did for each form type, and what the last one did. Parts of runs are not counted
beside the runs they are parts of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from pipeline.db.tables import run, run_row

_SUMMED = (
    "loaded", "partial", "dead", "unrouted", "gone", "retried", "pages", "ocr_pages", "field_values", "cost",
    "seconds",
)  # fmt: skip


_WHOLE = run_row.join(run, and_(run.c.id == run_row.c.run_id, run.c.parent_id.is_(None)))
"""Rows of runs that are no part of another."""


def row_totals(connection: Connection) -> list[Row[Any]]:
    """The sums of every run's rows, by form type."""
    sums = [func.sum(run_row.c[name]).label(name) for name in _SUMMED]
    query = select(run_row.c.form_type, *sums).select_from(_WHOLE)
    return list(connection.execute(query.group_by(run_row.c.form_type).order_by(run_row.c.form_type)))


def last_rows(connection: Connection) -> list[Row[Any]]:
    """What the last run did that had a form type, and when that run ended."""
    last = (
        select(run_row.c.form_type, func.max(run_row.c.run_id).label("run_id"))
        .select_from(_WHOLE)
        .group_by(run_row.c.form_type)
        .subquery()
    )
    query = (
        select(run_row, run.c.finished_at)
        .join(last, and_(last.c.form_type == run_row.c.form_type, last.c.run_id == run_row.c.run_id))
        .join(run, run.c.id == run_row.c.run_id)
        .order_by(run_row.c.form_type)
    )
    return list(connection.execute(query))
