"""Before a rule enters the schema: which rows break it, named so that a person can mend them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, text

from pipeline.errors import RunError

_SHOWN = 20
"""Rows named in one message."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A check that is to come. `condition` is its SQL in the database's dialect, `meaning` the same for a
    person; rows are named by the cells of `key`."""

    table: str
    key: tuple[str, ...]
    name: str
    condition: str
    meaning: str


def require_rows_to_fit(connection: Connection, rules: Iterable[Rule]) -> None:
    """Raise RunError (`rows-to-mend`) where a row breaks one of the rules; it names row and rule."""
    wrong = [found for rule in rules for found in _wrong_rows(connection, rule)]
    if not wrong:
        return
    shown = "".join(f"\n  {each}" for each in wrong[:_SHOWN])
    more = f"\n  and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    raise RunError(
        "the schema was left as it is: the new one refuses rows that are there. Mend them by UPDATE, then "
        f"run `formpipe db upgrade` again:{shown}{more}",
        reason="rows-to-mend",
    )


def _wrong_rows(connection: Connection, rule: Rule) -> Iterator[str]:
    keys = ", ".join(rule.key)
    query = f"SELECT {keys} FROM {rule.table} WHERE NOT ({rule.condition}) ORDER BY {keys}"
    for row in connection.execute(text(query)):
        yield f"{rule.table} {', '.join(map(repr, row))}: {rule.name} must be {rule.meaning}"
