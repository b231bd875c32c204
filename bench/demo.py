"""How many of the demo's values are right: the typed views beside the truth its generator wrote.

    python bench/demo.py                    # draws the demo's lake into a scratch folder and runs it
    python bench/demo.py --seed 8 --fields  # other documents; every field by itself
    python bench/demo.py --folder demo      # measures a demo that is there; runs it there when it is not

A cell is one field of one backlog document. It is right where the view shows exactly the true value:
amounts and counts as numbers, everything else as text; a blank is right where nothing was filled in.
A document without a row in its view has no right cell. A form of the mixed folder is routed right where
its own form type, and no other, has a document that came from there. Exit code 1: a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy import Engine, func, select, text

from bench.figures import add_record_option, figure, heading, machine_line, record
from pipeline.db.connection import open_database, reading
from pipeline.db.tables import document, run
from pipeline.db.views import column_names, view_name
from pipeline.demo.mixed import LETTERS
from pipeline.formats.fields_json import fields_from_json
from pipeline.types import FieldSpec
from pipeline.values.equality import canonical

LIMIT = 0.97
_NUMBERS = ("number", "integer", "currency")


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of one document: the true value and what its view shows; None is blank."""

    form_type: str
    path: str
    layout: str
    seen: bool
    field: FieldSpec
    true: str | int | None
    shown: str | int | float | None
    loaded: bool

    @property
    def right(self) -> bool:
        if not self.loaded or self.true is None or self.shown is None:
            return self.loaded and self.true is self.shown
        if self.field.type in _NUMBERS:
            return Decimal(str(self.shown)) == Decimal(str(self.true))
        return str(self.shown) == str(self.true)

    @property
    def alike(self) -> bool:
        """Right but for case, spacing and punctuation."""
        if self.right or self.field.type != "string" or None in (self.true, self.shown):
            return self.right
        return canonical(str(self.shown)) == canonical(str(self.true))


def run_demo(folder: Path, seed: int) -> float:
    """Seconds of `formpipe demo` in a process of its own."""
    command = [str(Path(sys.executable).with_name("formpipe")), "demo", str(folder), "--seed", str(seed)]
    started = time.monotonic()
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    if ended.returncode not in (0, 1):
        raise SystemExit(f"the demo failed with exit code {ended.returncode}:\n{ended.stderr}")
    return time.monotonic() - started


def cells(folder: Path, database: Engine) -> Iterator[Cell]:
    """Every cell of the backlog, in the order of the truth."""
    fields: dict[str, tuple[FieldSpec, ...]] = {}
    rows: dict[str, dict[str, Mapping[str, Any]]] = {}
    for line in (folder / "lake" / "truth.jsonl").read_text("utf-8").splitlines():
        truth = json.loads(line)
        form_type = truth["form_type"]
        if truth["folder"] != "backlog":
            continue
        if form_type not in rows:
            listed = folder / "lake" / "forms" / form_type / "training" / "fields.json"
            fields[form_type] = fields_from_json(listed.read_bytes())
            rows[form_type] = read_view(database, form_type)
        yield from _of_document(truth, fields[form_type], rows[form_type].get(truth["path"]))


def read_view(database: Engine, form_type: str) -> dict[str, Mapping[str, Any]]:
    """The rows of a form type's typed view by path."""
    query = text(f"SELECT * FROM {view_name(form_type, database.dialect.name)}")
    with reading(database) as connection:
        return {str(row["path"]): dict(row) for row in connection.execute(query).mappings()}


def _of_document(
    truth: Mapping[str, Any], fields: tuple[FieldSpec, ...], row: Mapping[str, Any] | None
) -> Iterator[Cell]:
    names = column_names(fields)
    for spec in fields:
        yield Cell(
            form_type=truth["form_type"],
            path=truth["path"],
            layout=truth["layout"],
            seen=truth["seen_layout"],
            field=spec,
            true=truth["values"].get(spec.name),
            shown=row[names[spec.name]] if row is not None else None,
            loaded=row is not None,
        )


def report(found: list[Cell], by_field: bool) -> bool:
    """Print the shares of right cells; whether the limit is reached."""
    documents = {(cell.form_type, cell.path) for cell in found}
    heading(f"{len(documents)} documents, {len(found)} cells")
    reached = figure("values equal to the truth", _share(found), LIMIT)
    figure("  of those filled in", _share(cell for cell in found if cell.true is not None))
    figure("  of those left blank", _share(cell for cell in found if cell.true is None))
    figure("  but for case, spacing, punctuation", _share(found, lambda cell: cell.alike))
    for form_type in dict.fromkeys(cell.form_type for cell in found):
        own = [cell for cell in found if cell.form_type == form_type]
        heading(form_type)
        figure("all layouts", _share(own))
        figure("  seen in training", _share(cell for cell in own if cell.seen))
        figure("  never seen", _share(cell for cell in own if not cell.seen))
        for field in dict.fromkeys(cell.field for cell in own) if by_field else ():
            figure(f"  {field.name}", _share(cell for cell in own if cell.field == field))
    return reached


def _share(some: Iterable[Cell], counts: Callable[[Cell], bool] = lambda cell: cell.right) -> float:
    judged = [counts(cell) for cell in some]
    return sum(judged) / len(judged) if judged else 1.0


def report_routing(folder: Path, database: Engine) -> bool:
    """Print how many of the mixed folder's documents are where they belong; whether all are."""
    lines = (folder / "lake" / "mixed.jsonl").read_text("utf-8").splitlines()
    truth = {line["path"]: line["class"] for line in map(json.loads, lines)}
    handed_on = select(document.c.path, document.c.form_type).where(document.c.routed_from.is_not(None))
    went: dict[str, list[str]] = {path: [] for path in truth}
    with reading(database) as connection:
        for path, form_type in connection.execute(handed_on):
            went[path].append(form_type)
    forms = [went[path] == [name] for path, name in truth.items() if name != LETTERS]
    letters = [went[path] == [] for path, name in truth.items() if name == LETTERS]
    heading(f"mixed folder: {len(forms)} forms and {len(letters)} letters")
    right = figure("forms routed right", sum(forms) / len(forms), 1.0)
    left = figure("letters left for a person", sum(letters) / len(letters), 1.0)
    return right and left


def report_cost(database: Engine, seconds: float | None) -> None:
    heading("cost")
    query = select(func.sum(document.c.pages), func.sum(document.c.ocr_pages))
    with reading(database) as connection:
        counted = connection.execute(query).one()
        runs = connection.execute(select(run.c.started_at, run.c.finished_at)).all()
    ran = sum((end - start).total_seconds() for start, end in runs if end)
    if seconds is not None:
        figure("the whole command, drawing included", seconds, None, "s")
    figure("runs: reading, training, scoring", ran, None, "s")
    figure("pages of the backlog", counted[0] or 0)
    figure("  of these read by OCR", counted[1] or 0)


def show_misses(found: Iterable[Cell]) -> None:
    print()
    for cell in found:
        if not cell.right:
            layout = cell.layout if cell.seen else f"{cell.layout} (never seen)"
            print(f"{cell.path} {layout}, {cell.field.name}: {cell.true!r}, shown {cell.shown!r}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="a demo that is there, or where to run and keep one")
    parser.add_argument("--seed", type=int, default=7, help="which documents are drawn")
    parser.add_argument("--fields", action="store_true", help="print every field by itself")
    parser.add_argument("--misses", action="store_true", help="print the cells that are wrong")
    add_record_option(parser)
    options = parser.parse_args()
    print(machine_line())
    with TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch) / "demo"
        there = (folder / "formpipe.db").exists()
        seconds = None if there else run_demo(folder, options.seed)
        database = open_database(f"sqlite:///{folder / 'formpipe.db'}")
        found = list(cells(folder, database))
        reached = report(found, options.fields)
        if (folder / "lake" / "mixed.jsonl").exists():
            reached = report_routing(folder, database) and reached
        report_cost(database, seconds)
        database.dispose()
    if options.misses:
        show_misses(found)
    record(options.record)
    return 0 if reached else 1


if __name__ == "__main__":
    raise SystemExit(main())
