"""The statements on `form_type` and `form_field`. Rows are read as they are, so that one bad cell costs
only its row; what is written has been validated."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Table, delete, func, insert, select, type_coerce, update
from sqlalchemy.types import NullType

from pipeline.db import claims, leases, targets
from pipeline.db.tables import document, form_field, form_type, model_bundle, model_version
from pipeline.db.views import drop_views
from pipeline.errors import RowError
from pipeline.params.release import AVAILABLE_ENGINES, AVAILABLE_SINKS
from pipeline.params.row import to_cells, to_field_cells
from pipeline.params.rules import Validated, validate
from pipeline.services import Service
from pipeline.types import FormType

Raw = dict[str, object]

_AT_ONCE = 500
"""Keys in one IN list: SQL Server takes 2,100 parameters, old SQLite 999."""


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge removed."""

    documents: int
    model_versions: int


def read_rows(connection: Connection) -> list[Raw]:
    """Every row of `form_type` by key, its cells untouched."""
    return _raw(connection, form_type, "form_type")


def read_fields(connection: Connection) -> list[Raw]:
    """Every row of `form_field` by form type and field, its cells untouched."""
    return _raw(connection, form_field, "form_type", "field")


def load(
    connection: Connection,
    services: Mapping[str, Service],
    today: date,
    *,
    available_engines: tuple[str, ...] = AVAILABLE_ENGINES,
    available_sinks: tuple[str, ...] = AVAILABLE_SINKS,
) -> Validated:
    """The rows that can run and the faults of the others; disabled rows included (`enabled`)."""
    return validate(
        read_rows(connection),
        read_fields(connection),
        services,
        today,
        available_engines=available_engines,
        available_sinks=available_sinks,
    )


def save(connection: Connection, form_types: Sequence[FormType]) -> None:
    """Insert or replace rows by key, their fields included."""
    keys = [each.form_type for each in form_types]
    there = _existing(connection, keys)
    fresh = [to_cells(each) for each in form_types if each.form_type not in there]
    if fresh:
        connection.execute(insert(form_type), fresh)
    for each in form_types:
        if each.form_type in there:
            row = form_type.c.form_type == each.form_type
            connection.execute(update(form_type).where(row).values(to_cells(each)))
    for part in _parts(keys):
        connection.execute(delete(form_field).where(form_field.c.form_type.in_(part)))
    fields = [to_field_cells(each.form_type, spec) for each in form_types for spec in each.fields]
    if fields:
        connection.execute(insert(form_field), fields)


def set_enabled(connection: Connection, keys: Sequence[str], enabled: bool) -> frozenset[str]:
    """Switch rows on or off; the keys that were there."""
    there = _existing(connection, keys)
    for part in _parts(sorted(there)):
        connection.execute(update(form_type).where(form_type.c.form_type.in_(part)).values(enabled=enabled))
    return there


def disable(connection: Connection, keys: Sequence[str]) -> frozenset[str]:
    """Keep rows from running; what they have loaded stays. The keys that were there."""
    return set_enabled(connection, keys, False)


def enable(connection: Connection, keys: Sequence[str]) -> frozenset[str]:
    """Let rows run again. The keys that were there."""
    return set_enabled(connection, keys, True)


def purge(connection: Connection, key: str, now: datetime) -> Purged:
    """Remove a row for good: its fields, its documents with their values, its views, what it has in its
    target table; with the last row of a group its models too, unless documents of other rows were read by
    them. History (runs, events) stays.

    Raises RowError (`held-elsewhere`) while a run works on its group.
    """
    group = connection.execute(select(_group_of_row).where(form_type.c.form_type == key)).scalar_one_or_none()
    _require_free(connection, key, group, now)
    target = connection.scalar(select(form_type.c.target_table).where(form_type.c.form_type == key))
    targets.clear(connection, target, key)
    documents = connection.execute(delete(document).where(document.c.form_type == key)).rowcount
    connection.execute(delete(form_field).where(form_field.c.form_type == key))
    connection.execute(delete(form_type).where(form_type.c.form_type == key))
    drop_views(connection, key)
    members = select(form_type.c.form_type).where(_group_of_row == group)
    if group is None or connection.execute(members).first():
        return Purged(documents, 0)
    return Purged(documents, _purge_models(connection, group))


def own_model_ids(connection: Connection) -> frozenset[str]:
    """Ids of models this database knows as versions of its own."""
    ids = connection.execute(select(model_version.c.service_model_id).distinct()).scalars()
    return frozenset(model_id for model_id in ids if model_id)


def documents_of(connection: Connection, key: str) -> int:
    """How many documents hang on a row."""
    count = select(func.count()).select_from(document).where(document.c.form_type == key)
    return connection.execute(count).scalar_one()


_group_of_row = func.coalesce(
    func.nullif(func.trim(form_type.c.form_batch_group_id), ""), form_type.c.form_type
)
"""The group of a row in SQL: an empty cell is the row's own key."""


def _raw(connection: Connection, table: Table, *order: str) -> list[Raw]:
    cells = [type_coerce(column, NullType()).label(column.name) for column in table.columns]
    rows = connection.execute(select(*cells).order_by(*(table.c[name] for name in order)))
    return [{str(name): cell for name, cell in row._mapping.items()} for row in rows]


def _existing(connection: Connection, keys: Collection[str]) -> frozenset[str]:
    found: set[str] = set()
    for part in _parts(list(keys)):
        rows = connection.execute(select(form_type.c.form_type).where(form_type.c.form_type.in_(part)))
        found.update(rows.scalars())
    return frozenset(found)


def _parts(keys: Sequence[str]) -> list[Sequence[str]]:
    return [keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE)]


def _require_free(connection: Connection, key: str, group: str | None, now: datetime) -> None:
    holder = leases.look(connection, f"group:{group}")
    if holder and holder.expires_at > now:
        raise RowError(
            f"a run works on group {group}: wait for it, or until {holder.expires_at:%H:%M:%S} UTC",
            reason="held-elsewhere",
        )
    held = claims.count(connection, key)
    if held:
        raise RowError(
            f"a run works on {held} documents of {key}: wait for it; if it died, the next run gives them "
            "back",
            reason="held-elsewhere",
        )


def _purge_models(connection: Connection, group: str) -> int:
    used = select(document.c.model_version_id).where(document.c.model_version_id == model_version.c.id)
    gone = delete(model_version).where(model_version.c.form_batch_group_id == group, ~used.exists())
    count = connection.execute(gone).rowcount
    kept = select(model_version.c.bundle_sha256).where(model_version.c.bundle_sha256 == model_bundle.c.sha256)
    connection.execute(delete(model_bundle).where(~kept.exists()))
    return count
