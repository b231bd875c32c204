"""Where every form type stands now, in a few counts: what `formpipe status` shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from pipeline.db import forgetting
from pipeline.reports import queries
from pipeline.reports.summary import (
    Documents,
    Model,
    Stale,
    choose,
    count_documents,
    current_model,
    grouped,
    scored_by_others,
)


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last run that had a form type, and how it ended for it."""

    id: int
    started_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Standing:
    """`review`: values that wait for a person; `last_run` is None before the first; `stale`: documents
    scored by other versions than the one in use."""

    form_type: str
    documents: Documents
    review: int
    model: Model | None
    last_run: LastRun | None
    stale: tuple[Stale, ...] = ()


def standings(connection: Connection, form_type: str | None = None) -> tuple[Standing, ...]:
    """Every form type, or one. Raises RunError `unknown-form-type`."""
    groups = choose(queries.form_types(connection), form_type)
    documents = grouped(queries.documents_by_state(connection), lambda row: row.form_type)
    versions = grouped(queries.model_versions(connection), lambda row: row.form_batch_group_id)
    review = queries.review_counts(connection)
    forgotten = forgetting.counts(connection)
    scored = grouped(queries.documents_by_version(connection), lambda row: row.form_type)
    runs = {
        name: LastRun(row.run_id, row.started_at, row.state)
        for name, row in queries.last_runs(connection).items()
    }
    return tuple(
        Standing(
            name,
            count_documents(documents[name], forgotten.get(name, 0)),
            review.get(name, 0),
            model := current_model(versions[group]),
            runs.get(name),
            scored_by_others(name, model, scored[name]),
        )
        for name, group in groups.items()
    )
