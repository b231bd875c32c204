"""Names for columns and views: safe to type without quotes, stable over time, never two alike."""

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
ITEM_COLUMNS = ("document_id", "path", "part", "item", "review")
CONFIDENCE = "_confidence"

_VIEW_COLUMNS = (*OWN_COLUMNS, *PART_COLUMNS)
_WORDS = frozenset([*MSSQL_WORDS, *POSTGRESQL_WORDS, *SQLiteIdentifierPreparer.reserved_words])
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Where a new word begins without a space: Invoice|Number, Tax|ID, PO|Number."""

LONGEST = 63
"""Bytes of an identifier on PostgreSQL, the tightest of the dialects (SQL Server: 128 characters)."""


def column_names(
    fields: Sequence[FieldSpec],
    earlier: Mapping[str, str] | None = None,
    *,
    own: Sequence[str] = _VIEW_COLUMNS,
    taken: Iterable[str] = (),
) -> dict[str, str]:
    """A column name for each field, in the order of `fields`; fields known only from `earlier` follow.

    `FieldSpec.column` wins as it stands, then the name a field had `earlier`, then its own name made
    safe (`Receipt No` -> `receipt_no`, `InvoiceNumber` -> `invoice_number`). Names that are taken,
    whatever their case, get `_2`, `_3`. `own` are the view's own columns, `taken` further names in use.
    """
    earlier = earlier or {}
    chosen = {spec.name: _clean(spec.column or "") for spec in fields}
    known = dict.fromkeys([*chosen, *earlier])
    wanted = {name: chosen.get(name) or earlier.get(name) or _natural(name, own) for name in known}
    by_right = sorted(known, key=lambda name: 0 if chosen.get(name) else 1 if name in earlier else 2)
    names = _allocate(by_right, wanted, {folded(name) for name in (*own, *taken)})
    return {name: names[name] for name in known}


def confidence_names(names: Mapping[str, str], taken: Iterable[str]) -> dict[str, str]:
    """The name of the column that holds the confidence of each field; `names` are their columns."""
    wanted = {field: f"{_cut(name, LONGEST - len(CONFIDENCE))}{CONFIDENCE}" for field, name in names.items()}
    return _allocate(names, wanted, {folded(name) for name in taken})


def table_names(
    form_type: str, tables: Iterable[str], earlier: Mapping[str, str], taken: Iterable[str] = ()
) -> dict[str, str]:
    """The view of each table of line items, `<form type>__<table>`, at most 63 bytes; the name it had
    `earlier` wins. A form type has no double underscore and no table begins with one, so that no two form
    types can come to the same name."""
    prefix = f"{form_type}__"
    known = dict.fromkeys([*earlier, *tables])
    wanted = {table: earlier.get(table) or f"{prefix}{_table_part(table, prefix)}" for table in known}
    return _allocate(known, wanted, {folded(name) for name in taken})


def folded(name: str) -> str:
    """What two names share that some dialect cannot tell apart: case, and the width of letters."""
    return unicodedata.normalize("NFKC", name).casefold()


def _table_part(table: str, prefix: str) -> str:
    return _cut(_safe(table), LONGEST - len(prefix)).strip("_") or "items"


def _allocate(order: Iterable[str], wanted: Mapping[str, str], taken: set[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    losers: list[str] = []
    for field in order:
        if folded(wanted[field]) in taken:
            losers.append(field)
            continue
        names[field] = wanted[field]
        taken.add(folded(wanted[field]))
    for field in losers:
        names[field] = _suffixed(wanted[field], taken)
        taken.add(folded(names[field]))
    return names


def _suffixed(name: str, taken: set[str]) -> str:
    number = 2
    while folded(candidate := f"{_cut(name, LONGEST - 6)}_{number}") in taken:
        number += 1
    return candidate


def _natural(field: str, own: Sequence[str]) -> str:
    name = _cut(_safe(field), LONGEST - len("_value")).strip("_") or "field"
    if name[0].isdigit():
        name = f"f_{_cut(name, LONGEST - 2)}"
    return f"{name}_value" if name in _WORDS or name in own else name


def _safe(name: str) -> str:
    """Lower case words joined by `_`, Latin letters without their accents."""
    apart = _HUMPS.sub("_", _without_accents(name))
    return re.sub(r"[\W_]+", "_", apart.casefold()).strip("_")


def _without_accents(name: str) -> str:
    """Only Latin letters lose their marks: elsewhere they make another letter (か, が)."""
    kept: list[str] = []
    latin = False
    for character in unicodedata.normalize("NFKD", name):
        if not unicodedata.combining(character):
            latin = character.isascii()
        elif latin:
            continue
        kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept))


def _clean(column: str) -> str:
    """A name a person chose: kept, less what no dialect can carry in an identifier."""
    return _cut("".join(c for c in column.strip() if c.isprintable() and c not in "%[]\"'`"), LONGEST)


def _cut(name: str, size: int) -> str:
    return name.encode()[:size].decode(errors="ignore")
