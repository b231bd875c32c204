"""Groups: the form types that share one model."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.types import FormType


def group_rows(form_types: Iterable[FormType]) -> dict[str, tuple[FormType, ...]]:
    """The rows of each group, sorted by form type; groups in the order of their first row."""
    groups: dict[str, list[FormType]] = {}
    for row in form_types:
        groups.setdefault(row.group, []).append(row)
    return {group: tuple(sorted(rows, key=lambda row: row.form_type)) for group, rows in groups.items()}
