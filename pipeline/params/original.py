"""Rows of the original recipe's parameter table, as rows of ours."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, MetaData, Table, inspect, select, type_coerce
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.types import NullType

from pipeline.errors import RowError
from pipeline.params.shapes import nearest, slug
from pipeline.types import SecretNames

KEPT = (
    "form_description",
    "form_batch_group_id",
    "model_id",
    "training_container_name",
    "training_blob_root_folder",
    "scoring_container_name",
    "scoring_input_blob_folder",
    "scoring_output_blob_folder",
    "file_type",
)
"""The columns of the original recipe."""

_OURS = ("form_type", "endpoint_secret", "key_secret", "use_label_file", "include_subfolders")
_FOLDERS = ("training_blob_root_folder", "scoring_input_blob_folder", "scoring_output_blob_folder")
_FILE_TYPES = {"pdf": "application/pdf", "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png"}
_FILE_TYPES |= {"tif": "image/tiff", "tiff": "image/tiff", "bmp": "image/bmp", "image/tif": "image/tiff"}
_SECRET_NAMES = {name.lower(): name for name in (SecretNames().endpoint, SecretNames().key)}


@dataclass(frozen=True, slots=True)
class Imported:
    """Rows in our columns, not validated, and what was left behind with the reason."""

    rows: tuple[Mapping[str, object], ...]
    notes: tuple[str, ...] = field(default=())


def import_from(connection: Connection, table_name: str, *, engine: str, api_version: str | None) -> Imported:
    """Read the original recipe's table (`table` or `schema.table`) of this database.

    Raises RowError (`table-missing`) where there is no such table.
    """
    table = _reflect(connection, table_name)
    cells = [type_coerce(column, NullType()).label(column.name.lower()) for column in table.columns]
    rows = [
        {str(name): cell for name, cell in row._mapping.items()} for row in connection.execute(select(*cells))
    ]
    return translate(rows, engine=engine, api_version=api_version)


def translate(
    rows: Sequence[Mapping[str, object]], *, engine: str, api_version: str | None = None
) -> Imported:
    """Rows of the original recipe in our columns: a key from the description or the folder, unique among
    these rows and the same at every import; folders without the leading `/`; known spellings mended.

    A row without a group is its own: its key is none of the group ids of other rows.
    """
    named = [{str(column).lower(): _plain(value) for column, value in row.items()} for row in rows]
    named.sort(key=lambda row: [str(row.get(column) or "").lower() for column in (*KEPT, *_OURS)])
    groups = {_group(row) for row in named}
    taken: set[str] = set()
    translated = []
    for position, row in enumerate(named, start=1):
        key = _free(_key(row) or f"form_{position}", taken if _group(row) else taken | groups)
        taken.add(key)
        translated.append(_translate(row, key, engine, api_version))
    return Imported(tuple(translated), tuple(_notes(named, engine)))


def _translate(
    row: Mapping[str, object], key: str, engine: str, api_version: str | None
) -> dict[str, object]:
    cells = {column: row[column] for column in (*KEPT, *_OURS) if row.get(column) not in (None, "")}
    cells |= {column: str(cells[column]).strip().lstrip("/") for column in _FOLDERS if column in cells}
    for column in ("endpoint_secret", "key_secret"):
        if column in cells:
            name = str(cells[column]).strip()
            cells[column] = _SECRET_NAMES.get(name.lower(), name)
    if "file_type" in cells:
        written = str(cells["file_type"]).strip().lower().removeprefix(".")
        cells["file_type"] = _FILE_TYPES.get(written, written)
    if engine == "local":
        cells.pop("model_id", None)
    return cells | {"form_type": key, "engine": engine, "api_version": api_version}


def _plain(value: object) -> object:
    """A cell as text or number: an id may be a UNIQUEIDENTIFIER, a number NUMERIC."""
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _group(row: Mapping[str, object]) -> str:
    return str(row.get("form_batch_group_id") or "").strip()


def _key(row: Mapping[str, object]) -> str:
    for column in ("form_type", "form_description", "training_blob_root_folder", "scoring_input_blob_folder"):
        made = slug(str(row.get(column) or ""))
        if made:
            return made
    return ""


def _free(key: str, taken: Collection[str]) -> str:
    number, free = 1, key
    while free in taken:
        number += 1
        end = f"_{number}"
        free = key[: 40 - len(end)].rstrip("_") + end
    return free


def _notes(rows: Sequence[Mapping[str, object]], engine: str) -> list[str]:
    columns = {column for row in rows for column in row}
    left = sorted(columns - set(KEPT) - set(_OURS))
    notes = [f"columns not taken: {', '.join(left)}"] if left else []
    if engine == "local" and any(str(row.get("model_id") or "-1").strip() != "-1" for row in rows):
        notes.append("model_id is not taken: a model of the service is unknown to the local engine")
    return notes


def _reflect(connection: Connection, name: str) -> Table:
    """The table or view as it is, found without regard to case. SQLite has no schemas: there `dbo.` is
    dropped."""
    schema, _, table = re.sub(r'[\[\]"]', "", name).lower().rpartition(".")
    inspector = inspect(connection)
    schemas = {known.lower(): known for known in inspector.get_schema_names()}
    if schema and schema not in schemas and connection.dialect.name != "sqlite":
        raise _missing(name, schemas, "schema")
    where = schemas.get(schema) if schema else None
    there = (*inspector.get_table_names(where), *inspector.get_view_names(where))
    names = {known.lower(): known for known in there}
    if table not in names:
        raise _missing(name, names)
    try:
        return Table(names[table], MetaData(), schema=where, autoload_with=connection, resolve_fks=False)
    except NoSuchTableError:
        raise _missing(name, names) from None


def _missing(name: str, known: Collection[str], kind: str = "table") -> RowError:
    wanted = name.split(".")[0] if kind == "schema" else name.rpartition(".")[2]
    near = nearest(wanted, known)
    hint = f"did you mean {near!r}?" if near else f"look at the {kind}s of the database"
    told = wanted if kind == "schema" else name
    return RowError(f"there is no {kind} {told!r}: {hint}", reason="table-missing")
