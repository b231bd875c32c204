"""Form types as a YAML file: `form_types`, a list of rows by column name, each with its `fields`."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from pipeline.errors import RowError
from pipeline.params.row import ParameterRow, to_cells, to_field_cells, to_form_type
from pipeline.params.shapes import shown
from pipeline.types import FieldSpec, FormType

ROOT = "form_types"
Raw = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Declared:
    """Rows as someone wrote them, columns in lower case. A row whose fields are not mentioned has no entry
    in `fields`; an empty entry asks for none."""

    rows: tuple[Raw, ...]
    fields: Mapping[str, tuple[Raw, ...]]


def read_declarations(text: str) -> Declared:
    """The rows of a YAML file, not judged. A lone name stands for a row or a field of that name. Raises
    RowError (`yaml-unreadable`) where it is no such file."""
    return declare([_mapping(entry, "form_type") for entry in _entries(text)])


def declare(entries: Iterable[Raw]) -> Declared:
    """Rows with their `fields` nested, taken apart."""
    rows: list[Raw] = []
    fields: dict[str, tuple[Raw, ...]] = {}
    for entry in entries:
        row = {str(column).strip().lower(): cell for column, cell in entry.items()}
        key = row_key(row)
        if "fields" in row:
            fields[key] = fields.get(key, ()) + _fields(row.pop("fields"), key)
        rows.append(row)
    return Declared(tuple(rows), fields)


def row_key(row: Raw) -> str:
    """The key as it was written, good or bad."""
    key = row.get("form_type")
    return "" if key is None else str(key).strip()


def write_declarations(
    form_types: Sequence[FormType],
    faulty: Sequence[Raw] = (),
    *,
    without_model_ids: frozenset[str] = frozenset(),
) -> str:
    """The YAML of these rows, defaults left out; `faulty` rows as they stand. Reading it again gives equal
    rows, apart from the model ids that are left out on purpose."""
    rows = [_row(each, without_model_ids) for each in form_types]
    rows += [_stated(raw, {**_ROW_DEFAULTS, "fields": None}, "form_type") for raw in faulty]
    rows.sort(key=lambda row: str(row["form_type"]))
    return yaml.safe_dump({ROOT: rows}, sort_keys=False, allow_unicode=True, width=100)


def _row(form_type: FormType, without_model_ids: frozenset[str]) -> dict[str, object]:
    cells = _stated(to_cells(form_type), _ROW_DEFAULTS, "form_type")
    if cells.get("model_id") in without_model_ids:
        del cells["model_id"]
    fields = [to_field_cells("", spec) for spec in form_type.fields]
    stated = [_stated(field, _FIELD_DEFAULTS, "field") for field in fields]
    return cells | ({"fields": stated} if stated else {})


def _stated(cells: Mapping[str, object], defaults: Mapping[str, object], first: str) -> dict[str, object]:
    said = {column: cell for column, cell in cells.items() if cell not in (None, "")}
    stated = {column: _plain(cell) for column, cell in said.items() if cell != defaults.get(column)}
    return {first: cells[first]} | stated


def _plain(cell: object) -> object:
    """A cell as JSON and YAML can say it; an amount keeps its digits as text."""
    if isinstance(cell, list):
        return [
            {column: _plain(value) for column, value in each.items() if value is not None} for each in cell
        ]
    return cell if isinstance(cell, str | int | float) else str(cell)


_ROW_DEFAULTS = to_cells(to_form_type(ParameterRow()))
_FIELD_DEFAULTS = to_field_cells("", FieldSpec(""))


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping: the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                mark = key.start_mark
                raise yaml.constructor.ConstructorError(
                    None, None, f"{shown(key.value)!r} stands twice", mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _entries(text: str) -> list[object]:
    try:
        content = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise _unreadable(f"{error.problem}{line}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unreadable(type(error).__name__) from None
    entries = content.get(ROOT) if isinstance(content, dict) else content
    if not isinstance(entries, list):
        raise _unreadable(f"it has no list named {ROOT!r}")
    return entries


def _fields(written: object, key: str) -> tuple[Raw, ...]:
    entries = [] if written is None else written if isinstance(written, list) else [written]
    return tuple({**_mapping(entry, "field"), "form_type": key} for entry in entries)


def _mapping(entry: object, name: str) -> Raw:
    return entry if isinstance(entry, dict) else {name: entry}


def _unreadable(problem: str) -> RowError:
    return RowError(
        f"this is no list of form types ({problem}): see the example of `formpipe params apply --help`",
        reason="yaml-unreadable",
    )
