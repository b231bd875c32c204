"""What a scheduler reads of a run: one JSON document, described by `config/run-summary.schema.json`. Within a
version of the schema members are added and none is changed or taken away."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from typing import Any

from sqlalchemy import Connection, Row

from pipeline.delivering.courier import Trouble
from pipeline.reports import queries
from pipeline.reports.summary import Model, current_model, grouped
from pipeline.types import Fault

SCHEMA = "formpipe.run/1"
_OVER_TIME = re.compile(r"(^|; )over-time: ")
_DOCUMENTS = (
    "listed", "loaded", "partial", "dead", "unrouted", "gone", "reused", "routed", "retried", "left_over",
)  # fmt: skip
_COUNTS = {"pages": "pages", "ocr_pages": "ocr_pages", "values": "field_values"}


def run_summary(
    connection: Connection,
    run_id: int,
    *,
    exit_code: int,
    faults: Sequence[Fault] = (),
    troubles: Sequence[Trouble] = (),
) -> dict[str, Any]:
    """A run that has ended, as plain data. Costs are US dollars, times UTC, `seconds` of wall time."""
    run = queries.find_run(connection, run_id)
    assert run is not None, "it has just ended"
    models = _models(connection)
    found = queries.rows_of_run(connection, run_id)
    rows = [_row(row, models.get(name)) for name, row in sorted(found.items())]
    totals = _totals(list(found.values()))
    return {
        **_head(exit_code),
        "run": _run(run),
        "over_time": any(_OVER_TIME.search(row.reason or "") for row in found.values()),
        "left_over": totals["documents"]["left_over"],
        "totals": totals,
        "rows": rows,
        "faults": [asdict(fault) for fault in faults],
        "failures": [dict(row._mapping) for row in queries.failures_of_run(connection, run_id)],
        "troubles": [asdict(trouble) for trouble in troubles],
    }


def failed_summary(reason: str, message: str, *, exit_code: int) -> dict[str, Any]:
    """A run that could not begin, or was cut off by an error that ends runs. The message holds no secret."""
    return {**_head(exit_code), "error": {"reason": reason, "message": message}}


def _head(exit_code: int) -> dict[str, Any]:
    return {"schema": SCHEMA, "version": version("formpipe"), "exit_code": int(exit_code)}


def _run(run: Row[Any]) -> dict[str, Any]:
    began, ended = run.started_at, run.finished_at
    return {
        "id": run.id,
        "state": run.state,
        "started_at": _time(began),
        "finished_at": _time(ended),
        "seconds": (ended - began).total_seconds() if ended else None,
        "reason": run.reason,
    }


def _row(row: Row[Any], model: Model | None) -> dict[str, Any]:
    return {
        "form_type": row.form_type,
        "state": row.state,
        "reason": row.reason,
        "decision": row.decision,
        "engine": model.engine if model else None,
        "model_version": model.version if model else None,
        "seconds": row.seconds,
        "documents": {name: getattr(row, name) for name in _DOCUMENTS},
        **{name: getattr(row, column) for name, column in _COUNTS.items()},
        "cost": _money(row.cost),
    }


def _totals(rows: Sequence[Row[Any]]) -> dict[str, Any]:
    costs = [row.cost for row in rows if row.cost is not None]
    return {
        "rows": {
            state: sum(row.state == state for row in rows)
            for state in ("finished", "skipped", "stopped", "failed")
        },
        "documents": {name: sum(getattr(row, name) for row in rows) for name in _DOCUMENTS},
        **{name: sum(getattr(row, column) for row in rows) for name, column in _COUNTS.items()},
        "cost": _money(sum(costs, Decimal(0)) if costs else None),
    }


def _models(connection: Connection) -> Mapping[str, Model | None]:
    """The version each form type is scored with."""
    versions = grouped(queries.model_versions(connection), lambda row: row.form_batch_group_id)
    return {name: current_model(versions[group]) for name, group in queries.form_types(connection).items()}


def _money(cost: Decimal | None) -> float | None:
    return None if cost is None else float(cost)


def _time(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
