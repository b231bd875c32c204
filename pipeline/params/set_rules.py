"""Rules about rows together: keys, groups, and outputs that another row would read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from pipeline.params.release import Release
from pipeline.params.row import Complaint, ParameterRow, Reading

Readings = Sequence[Reading[ParameterRow]]

GROUP_COLUMNS = (
    "engine",
    "api_version",
    "model_kind",
    "use_label_file",
    "training_storage_account_secret",
    "training_container_name",
)
"""What the rows of one group must agree on."""

_NAMED = 4


def set_complaints(readings: Readings, release: Release) -> Iterator[tuple[int, Complaint]]:
    """Everything wrong between rows, each with the position of its row. Rows that are off are not
    compared: they hurt nobody."""
    yield from _duplicates(readings)
    yield from _groups(readings, release)
    yield from _outputs_read(readings)
    yield from _targets_shared(readings)


def _duplicates(readings: Readings) -> Iterator[tuple[int, Complaint]]:
    counts = Counter(reading.row.form_type for reading in readings)
    for position, reading in enumerate(readings):
        if reading.row.form_type and counts[reading.row.form_type] > 1:
            yield position, Complaint("form_type", "each key once", "give one of the rows another key")


def _groups(readings: Readings, release: Release) -> Iterator[tuple[int, Complaint]]:
    groups: dict[str, list[int]] = defaultdict(list)
    for position, reading in enumerate(readings):
        known = reading.row.form_type and "form_batch_group_id" not in reading.faulty
        if reading.row.enabled and known:
            groups[reading.row.group].append(position)
    for group, members in groups.items():
        if len(members) > 1:
            for column in GROUP_COLUMNS:
                yield from _agreement(readings, members, group, column)
            yield from _one_folder(readings, members, group, release)


def _agreement(
    readings: Readings, members: Iterable[int], group: str, column: str
) -> Iterator[tuple[int, Complaint]]:
    readable = [position for position in members if column not in readings[position].faulty]
    said = {position: getattr(readings[position].row, column) for position in readable}
    if len(set(said.values())) > 1:
        allowed = f"the same in all rows of group {group!r} ({_told(readings, said)})"
        for position in readable:
            yield position, Complaint(column, allowed, "make the rows agree, or give this row another group")


def _one_folder(
    readings: Readings, members: Iterable[int], group: str, release: Release
) -> Iterator[tuple[int, Complaint]]:
    faulty_if = {"engine", "api_version", "training_blob_root_folder", "include_subfolders"}
    readable = [position for position in members if not faulty_if & readings[position].faulty]
    rows = {position: readings[position].row for position in readable}
    if all(release.composes(row.engine, row.api_version) for row in rows.values()):
        return
    for column in ("training_blob_root_folder", "include_subfolders"):
        said = {position: getattr(row, column) for position, row in rows.items()}
        if len(set(said.values())) > 1:
            allowed = f"one training folder for all rows of group {group!r} ({_told(readings, said)})"
            remedy = "models are not composed here: name one folder, or give this row another group"
            yield from ((position, Complaint(column, allowed, remedy)) for position in readable)


def _told(readings: Readings, said: dict[int, object]) -> str:
    shown = [f"{readings[position].row.form_type}: {value!r}" for position, value in said.items()]
    return ", ".join(shown[:_NAMED]) + (f" and {len(shown) - _NAMED} more" if len(shown) > _NAMED else "")


def _outputs_read(readings: Readings) -> Iterator[tuple[int, Complaint]]:
    """Output folders that lie in the backlog of another row."""
    backlogs: dict[tuple[str, str, str], str] = {}
    for reading in readings:
        if reading.row.enabled and reading.row.scoring_container_name and not reading.faulty & _PLACE:
            row = reading.row
            backlogs.setdefault((*_place(row), row.scoring_input_blob_folder), row.form_type)
    for position, reading in enumerate(readings):
        row, output = reading.row, reading.row.scoring_output_blob_folder
        if not row.enabled or output is None or reading.faulty & _PLACE:
            continue
        for folder in _ancestors(output):
            reader = backlogs.get((*_place(row), folder))
            if reader and folder != row.scoring_input_blob_folder:
                allowed = f"a folder outside every backlog ({folder or '(the whole container)'} of {reader})"
                remedy = "that row would read these outputs: give them a folder of their own"
                yield position, Complaint("scoring_output_blob_folder", allowed, remedy)


def _targets_shared(readings: Readings) -> Iterator[tuple[int, Complaint]]:
    tables: dict[str, list[int]] = defaultdict(list)
    for position, reading in enumerate(readings):
        if reading.row.enabled and reading.row.target_table and "target_table" not in reading.faulty:
            tables[reading.row.target_table.lower()].append(position)
    for positions in (shared for shared in tables.values() if len(shared) > 1):
        for position in positions:
            others = [readings[other].row.form_type for other in positions if other != position]
            allowed = f"a table of its own (this one is {', '.join(others[:_NAMED])}'s too)"
            yield position, Complaint("target_table", allowed, "give each form type another table")


_PLACE = frozenset(
    {
        "scoring_storage_account_secret",
        "scoring_container_name",
        "scoring_input_blob_folder",
        "scoring_output_blob_folder",
    }
)


def _place(row: ParameterRow) -> tuple[str, str]:
    return row.scoring_storage_account_secret, row.scoring_container_name


def _ancestors(folder: str) -> Iterator[str]:
    """The folder and all that hold it: `a/b/` lies in `a/b/`, `a/` and the whole container."""
    parts = folder.split("/")[:-1]
    for length in range(len(parts), -1, -1):
        yield "".join(f"{part}/" for part in parts[:length])
