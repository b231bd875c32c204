"""Forget documents: first what lies outside the database, then what is in it. Killed in between, the
documents are still known, and forgetting them again takes the rest away."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, Engine

from pipeline.db import claims, deliveries, forgetting
from pipeline.db.forgetting import Criterion, Doomed, Footprint
from pipeline.db.transactions import consult, transact
from pipeline.errors import DocumentError, FormpipeError, RowError, RunError
from pipeline.formats.result_json import output_path
from pipeline.orchestrator.leasing import HELD_ELSEWHERE, LeaseTerms, both, group_lease, held, sink_lease
from pipeline.params.rules import Validated
from pipeline.ports import Sinks, Storage, Storages
from pipeline.types import FormType

_BATCH = 2_000
_DELETES_AT_ONCE = 8
_CANDIDATES = 10


class Places(Protocol):
    """Where documents leave traces."""

    @property
    def database(self) -> Engine: ...
    @property
    def storages(self) -> Storages: ...
    @property
    def sinks(self) -> Sinks: ...


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What is gone. `error`: why not everything is; `wiped` is False where SQLite still holds old pages in
    its log, because somebody reads them."""

    gone: Footprint
    error: FormpipeError | None = None
    wiped: bool = True


def find(database: Engine, name: str, form_type: str | None) -> forgetting.Named:
    """The one document that a person means by a path, the end of one, or an id.

    Raises RunError (`document-unknown`, `document-unclear`).
    """
    found = consult(database, lambda c: forgetting.named(c, name, form_type, _CANDIDATES + 1))
    if len(found) == 1:
        return found[0]
    if not found:
        raise RunError(
            "no document has this path or id: `formpipe status --outcome loaded` lists them, and what is "
            "forgotten already is not listed",
            reason="document-unknown",
        )
    listed = "; ".join(f"{each.id} ({each.form_type}) {each.path}" for each in found[:_CANDIDATES])
    more = ", ..." if len(found) > _CANDIDATES else ""
    raise RunError(
        f"several documents are called so: give an id, or the form type by --form-type: {listed}{more}",
        reason="document-unclear",
    )


def row_of(validated: Validated, form_type: str) -> FormType:
    """The parameter row, which says where output files are. Raises RunError (`row-faulty`)."""
    for row in validated.form_types:
        if row.form_type == form_type:
            return row
    raise RunError(
        f"the row of {form_type} is at fault, so nobody knows where its output files are: mend it first "
        "(`formpipe params validate`)",
        reason="row-faulty",
    )


def forget(places: Places, row: FormType, criterion: Criterion, terms: LeaseTerms) -> Forgotten:
    """Forget what the criterion chooses, batch by batch; no run lists or delivers for the row meanwhile, or
    has one of the documents in hand. An error (`held-elsewhere` among them) ends it; what was forgotten until
    then stays so."""
    gone = Footprint()
    error = None
    try:
        with ExitStack() as turn:
            guards = [
                turn.enter_context(held(places.database, name, terms))
                for name in (group_lease(row.group), sink_lease(row.form_type))
            ]
            work = _Work(places, row, criterion, terms, both(*guards))
            while (some := work.one_batch()) is not None:
                gone += some
    except FormpipeError as caught:
        error = caught
    return Forgotten(gone, error, forgetting.settle(places.database))


@dataclass(frozen=True, slots=True)
class _Work:
    places: Places
    row: FormType
    criterion: Criterion
    terms: LeaseTerms
    guard: Callable[[Connection], None]

    def one_batch(self) -> Footprint | None:
        """Forget some documents; None where none is left."""
        database = self.places.database
        doomed = consult(database, lambda c: forgetting.next_doomed(c, self.criterion, _BATCH))
        ids = [each.id for each in doomed]
        if not doomed:
            return None
        self._require_free(ids)
        self._remove_outputs(doomed)
        self._remove_items(consult(database, lambda c: deliveries.items_of(c, ids)))
        now = self.terms.now()

        def work(connection: Connection) -> Footprint:
            self.guard(connection)
            return forgetting.forget(connection, self.criterion, ids, self.row.target_table, now)

        return transact(database, work)

    def _require_free(self, ids: Sequence[int]) -> None:
        """A run that is at work on a document would write its output file after this removed it."""
        held = consult(self.places.database, lambda c: claims.held_by_anyone(c, ids))
        if held:
            raise RowError(
                f"a run works on {held} of these documents: forget them when it has ended; if it died, the "
                "next run gives them back",
                reason=HELD_ELSEWHERE,
            )

    def _remove_items(self, items: Mapping[str, Mapping[str, Collection[str]]]) -> None:
        for sink, ids_of in items.items():
            for form_type, ids in ids_of.items():
                self.places.sinks.of(sink).remove(form_type, sorted(ids))

    def _remove_outputs(self, doomed: Sequence[Doomed]) -> None:
        if self.row.output_folder is None:
            return
        storage = self.places.storages.of(self.row.secrets.scoring)
        with ThreadPoolExecutor(_DELETES_AT_ONCE) as pool:
            for _ in pool.map(lambda each: self._remove_output(storage, each), doomed):
                pass

    def _remove_output(self, storage: Storage, each: Doomed) -> None:
        """Whatever became of the document: a run that was killed may have left a file without a result. A
        path that no file can have never had one."""
        path = output_path(self.row.output_folder or "", self.row.scoring_folder, each.path, each.pages)
        try:
            storage.delete(self.row.scoring_container if each.routed else each.container, path)
        except DocumentError:
            return
