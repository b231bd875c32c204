"""How `formpipe params` shows rows and what changes in them."""

from __future__ import annotations

from collections.abc import Mapping

from rich.markup import escape

from pipeline.cli.console import out
from pipeline.cli.tables import print_faults
from pipeline.params.changes import Changes
from pipeline.params.shapes import MARKS, shown
from pipeline.types import FormType

LIST_COLUMNS = ("form type", "engine", "enabled", "training", "backlog", "model")

_SIGNS = {"added": "+", "changed": "~", "unchanged": "="}


def list_line(row: Mapping[str, object], good: FormType | None, faults: int) -> tuple[str, ...]:
    """The cells of LIST_COLUMNS; `row` holds them as they stand where the row is at fault (no `good`)."""
    if good is None:
        names = ("form_type", "engine", "training_blob_root_folder", "scoring_input_blob_folder", "model_id")
        key, engine, training, backlog, model = (shown(row[name]) for name in names)
        count = "1 fault" if faults == 1 else f"{faults} faults"
        return key, engine, count, training, backlog, model
    training = f"{good.training_container}/{good.training_folder}"
    backlog = good.scoring_folder
    if good.scoring_container != good.training_container or not backlog:
        backlog = f"{good.scoring_container}/{backlog}"
    return good.form_type, good.engine, "yes" if good.enabled else "no", training, backlog, _model(good)


def print_changes(planned: Changes, dry_run: bool) -> None:
    """Faults first, then each row with the cells that change, then the counts."""
    if planned.faults:
        print_faults(planned.faults)
    for change in planned.changes:
        out.print(f"{_SIGNS[change.kind]} {change.form_type} {change.kind}")
        for cell in change.cells:
            old, new = (escape(text) or "(empty)" for text in (cell.old, cell.new))
            out.print(f"    {escape(cell.column)}: {old} -> {new}")
    kinds: list[str] = [change.kind for change in planned.changes]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in _SIGNS)
    faulty = len({fault.row for fault in planned.faults})
    out.print(
        f"{counts}, {faulty} left out for faults" + (" (dry run: nothing is written)" if dry_run else "")
    )


def _model(good: FormType) -> str:
    """The id without what the row's key says already: `v3` for `local-w9-v3` of w9."""
    if (good.model_id or "") in MARKS:
        return "none"
    return (good.model_id or "").removeprefix(f"local-{good.form_type}-")
