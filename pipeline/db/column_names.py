"""Column names for fields: safe to type without quotes, stable over time, never two alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.dialects.mssql.base import RESERVED_WORDS as MSSQL_WORDS
from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS as POSTGRESQL_WORDS
from sqlalchemy.dialects.sqlite.base import SQLiteIdentifierPreparer

from pipeline.types import FieldSpec

OWN_COLUMNS = ("document_id", "path", "outcome", "pages", "model_version", "scored_at", "review")
PART_COLUMNS = ("part", "doc_type", "first_page", "last_page")

_AVOIDED = frozenset(
    [*OWN_COLUMNS, *PART_COLUMNS, *MSSQL_WORDS, *POSTGRESQL_WORDS, *SQLiteIdentifierPreparer.reserved_words]
)
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Where a new word begins without a space: Invoice|Number, Tax|ID, PO|Number."""

_LONGEST = 63
"""Bytes of an identifier on PostgreSQL, the tightest of the dialects."""


def column_names(fields: Sequence[FieldSpec], earlier: Mapping[str, str] | None = None) -> dict[str, str]:
    """A column name for each field, in the order of `fields`; fields known only from `earlier` follow.

    `FieldSpec.column` wins as it stands, then the name a field had `earlier`, then its own name made
    safe (`Receipt No` -> `receipt_no`, `InvoiceNumber` -> `invoice_number`). Names that are taken,
    whatever their case, get `_2`, `_3`.
    """
    earlier = earlier or {}
    chosen = {spec.name: _clean(spec.column or "") for spec in fields}
    known = dict.fromkeys([*chosen, *earlier])
    wanted = {name: chosen.get(name) or earlier.get(name) or _natural(name) for name in known}
    by_right = sorted(known, key=lambda name: 0 if chosen.get(name) else 1 if name in earlier else 2)
    names = _allocate(by_right, wanted)
    return {name: names[name] for name in known}


def _allocate(order: Iterable[str], wanted: Mapping[str, str]) -> dict[str, str]:
    taken = {name.casefold() for name in (*OWN_COLUMNS, *PART_COLUMNS)}
    names: dict[str, str] = {}
    losers: list[str] = []
    for field in order:
        if wanted[field].casefold() in taken:
            losers.append(field)
            continue
        names[field] = wanted[field]
        taken.add(wanted[field].casefold())
    for field in losers:
        names[field] = _suffixed(wanted[field], taken)
        taken.add(names[field].casefold())
    return names


def _suffixed(name: str, taken: set[str]) -> str:
    number = 2
    while (candidate := f"{_cut(name, _LONGEST - 6)}_{number}").casefold() in taken:
        number += 1
    return candidate


def _natural(field: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", field) if not unicodedata.combining(c))
    apart = _HUMPS.sub("_", plain)
    name = re.sub(r"[\W_]+", "_", apart.casefold()).strip("_")
    name = _cut(name, _LONGEST - len("_value")).strip("_") or "field"
    if name[0].isdigit():
        name = f"f_{_cut(name, _LONGEST - 2)}"
    return f"{name}_value" if name in _AVOIDED else name


def _clean(column: str) -> str:
    """A name a person chose: kept, less what no dialect can carry in an identifier."""
    return _cut("".join(c for c in column.strip() if c.isprintable() and c not in "%[]\"'`"), _LONGEST)


def _cut(name: str, size: int) -> str:
    return name.encode()[:size].decode(errors="ignore")
