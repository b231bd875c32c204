"""The views and the target table of a row over a run: ready before its scoring, right after it, and every
change of their columns told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from pipeline.db import runs, targets, views
from pipeline.db.targets import TargetChange
from pipeline.db.transactions import transact
from pipeline.db.views import Refreshed, ViewOptions
from pipeline.orchestrator.progress import Listener, Note
from pipeline.types import FieldSpec, FormType

_NAMED = 10


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to tell: an event's name and details, and a sentence."""

    event: str
    sentence: str
    details: Mapping[str, Any]

    @property
    def key(self) -> str:
        return json.dumps([self.event, self.details], default=str)


@dataclass(slots=True)
class Showing:
    """What people query of one row. `fields`: those of its model; `nested`: fields called `table/column`
    are line items. `sentences` is what was told so far."""

    database: Engine
    row: FormType
    fields: Sequence[FieldSpec]
    nested: bool
    run_id: int
    now: Callable[[], datetime]
    guard: Callable[[Connection], None]
    listener: Listener
    sentences: list[str] = field(default_factory=list)
    _told: set[str] = field(default_factory=set)

    def prepare(self) -> frozenset[str] | None:
        """Bring views and target table up to date; the fields whose values may be stored, None for all.

        Safe to do twice, as is `finish`: views are brought to a state; at worst what was discarded is an
        event twice. Raises RowError: those of `views.refresh` and `targets.prepare`."""

        def work(connection: Connection) -> tuple[Refreshed, list[Remark]]:
            self.guard(connection)
            shown, remarks = self._refresh(connection, ())
            self._record(connection, remarks)
            return shown, remarks

        shown, remarks = transact(self.database, work)
        self._tell(remarks)
        discards = self.row.schema_contract == "discard" and shown.fields
        return shown.fields if discards else None

    def finish(self, discarded: Mapping[str, int], *, scored: bool) -> None:
        """After scoring: what came with it is shown, and values that were not stored are told. `scored`:
        whether any document was."""

        def work(connection: Connection) -> list[Remark]:
            self.guard(connection)
            look = self.nested and scored
            seen = views.nested_fields(connection, self.row.form_type, self.run_id) if look else ()
            _, remarks = self._refresh(connection, seen)
            targets.catch_up(connection, self.row)
            remarks += _of_discarded(discarded)
            self._record(connection, remarks)
            return remarks

        self._tell(transact(self.database, work))

    def _refresh(self, connection: Connection, seen: Sequence[FieldSpec]) -> tuple[Refreshed, list[Remark]]:
        row = self.row
        options = ViewOptions(row.schema_contract, row.confidence_columns, self.nested)
        shown = views.refresh(connection, row.form_type, self.fields, options, seen=seen)
        target = targets.prepare(connection, row, shown)
        remarks = [*_of_views(shown, row.schema_contract), *(_of_target(target) if target else ())]
        return shown, [remark for remark in remarks if remark.key not in self._told]

    def _record(self, connection: Connection, remarks: Sequence[Remark]) -> None:
        for remark in remarks:
            runs.record(
                connection,
                remark.event,
                now=self.now(),
                run_id=self.run_id,
                form_type=self.row.form_type,
                **remark.details,
            )

    def _tell(self, remarks: Sequence[Remark]) -> None:
        for remark in remarks:
            self._told.add(remark.key)
            self.sentences.append(remark.sentence)
            self.listener(Note(remark.event, self.row.form_type, remark.sentence))


# --- what to tell -----------------------------------------------------------------------------------


def _of_views(shown: Refreshed, contract: str) -> list[Remark]:
    told: list[Remark] = []
    new = [name for change in shown.changes for name in change.plan.new]
    if new and shown.settled:
        added = [f for change in shown.changes for f in change.fields(change.plan.added)]
        says = f"columns added: {listed(added or new)}"
        told.append(Remark("view-columns-added", says, {"fields": added, "columns": new}))
    frozen = [*(f for c in shown.changes for f in c.fields(c.plan.frozen)), *shown.frozen]
    if frozen and contract == "freeze":
        told.append(_remark("view-columns-frozen", "stored, no column (schema_contract freeze)", frozen))
    told += _of_types(shown)
    renamed = [list(pair) for change in shown.changes for pair in change.plan.renamed]
    if renamed:
        names = [" to ".join(pair) for pair in renamed]
        told.append(Remark("view-columns-renamed", f"columns renamed: {listed(names)}", {"columns": renamed}))
    return told


def _of_types(shown: Refreshed) -> Iterator[Remark]:
    changed = [(name, e) for c in shown.changes for e in c.plan.retyped for name in c.fields([e.field])]
    for kept, says in ((False, "columns of another type"), (True, "another type, but the column stays")):
        types = {name: {"earlier": e.earlier, "now": e.now} for name, e in changed if e.kept is kept}
        if types:
            yield _remark("view-columns-retyped", says, list(types), types=types, kept=kept)


def _of_target(change: TargetChange) -> list[Remark]:
    if change.created:
        return [Remark("target-table-created", f"table {change.table} made", {"table": change.table})]
    if change.remade:
        return [Remark("target-table-remade", f"table {change.table} made anew", {"table": change.table})]
    if not change.changed:
        return []
    details = {"table": change.table, "added": change.added, "retyped": change.retyped}
    columns = [*change.added, *change.retyped, *(now for _, now in change.renamed)]
    sentence = f"table {change.table} altered: {listed(columns)}"
    return [Remark("target-table-altered", sentence, details | {"renamed": change.renamed})]


def _of_discarded(discarded: Mapping[str, int]) -> list[Remark]:
    if not discarded:
        return []
    count = sum(discarded.values())
    sentence = f"{count} values not stored (schema_contract discard): {listed(sorted(discarded))}"
    return [Remark("values-discarded", sentence, {"count": count, "fields": dict(discarded)})]


def _remark(event: str, says: str, fields: Sequence[str], **details: Any) -> Remark:
    return Remark(event, f"{says}: {listed(fields)}", {"fields": list(fields)} | details)


def listed(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    all_names = list(names)
    more = len(all_names) - _NAMED
    return ", ".join(all_names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
