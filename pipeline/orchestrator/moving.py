"""Move a router's document to a form type by hand, and remember what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from functools import partial

from sqlalchemy import Connection, Engine

from pipeline.db import deliveries, forgetting, moves, routing, runs, targets, text_labels
from pipeline.db.forgetting import Named
from pipeline.db.moves import Source
from pipeline.db.text_labels import TextLabel
from pipeline.db.transactions import consult, transact
from pipeline.errors import RunError
from pipeline.orchestrator.routing import Routes
from pipeline.scoring.routing import Decision, Router, labels_by_place, route
from pipeline.types import DocumentResult, FormType

EVENT = "document-routed"
_CANDIDATES = 20

Pages = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Move:
    """A document of a router, where it is to go, and who says so. `pages`: of a file that is several
    documents, those that are meant."""

    router: FormType
    source_id: int
    form_type: str
    by: str
    pages: Pages | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """What came of it. `before`: the form types that had it; `after`: those that have it now; `open`: the
    router is not sure of some of its pages still."""

    path: str
    router: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    open: bool = False


def find_source(
    database: Engine, routers: Sequence[FormType], name: str, router: str | None
) -> tuple[int, FormType, Pages | None]:
    """The router's document that a person means by a path, the end of one, or an id, of the router's own or
    of one that was handed on; its router, and the pages where one part of a file is meant.

    Raises RunError (`document-unknown`, `document-unclear`, `not-of-a-router`).
    """
    found = consult(database, lambda c: forgetting.named(c, name, None, _CANDIDATES))
    if not found:
        raise RunError(
            "no document has this path or id: `formpipe status --unrouted` lists those that wait",
            reason="document-unknown",
        )
    by_name = {row.form_type: row for row in routers if router in (None, row.form_type)}
    places = consult(database, partial(moves.places, ids=[each.id for each in found]))
    known = [place for place in places if place.router in by_name]
    sources = sorted({place.source_id for place in known})
    if len(sources) != 1:
        raise _unclear(found, [row.form_type for row in routers], several=bool(sources))
    one = known[0]
    return one.source_id, by_name[one.router], one.pages if len(known) == 1 else None


def _unclear(found: Sequence[Named], routers: Sequence[str], *, several: bool) -> RunError:
    listed = "; ".join(f"{each.id} ({each.form_type}) {each.path}" for each in found)
    if several:
        return RunError(
            f"several documents are called so: give an id, or the router by --router: {listed}",
            reason="document-unclear",
        )
    there = (
        f"routers: {', '.join(routers)}" if routers else "there is no router: a classes row with routes on"
    )
    return RunError(f"no router has this document ({there}): {listed}", reason="not-of-a-router")


def require_target(routes: Routes, name: str) -> None:
    """Raise RunError (`unknown-form-type`) for what is no form type that takes documents."""
    if name not in routes.targets:
        near = get_close_matches(name, sorted(routes.targets), n=1)
        hint = f"did you mean {near[0]}?" if near else "see `formpipe params list`"
        message = f"{name} is no form type that is on and takes documents (a router takes none): {hint}"
        raise RunError(message, reason="unknown-form-type")


def move(database: Engine, move: Move, routes: Routes, now: datetime, min_confidence: float) -> Moved:
    """Let the document be of this form type, pending there, and of no other that it was handed on to; a run
    that has it in hand loses it. The label is kept for the next training, and for the next time that the
    router sees this content. Values that another form type had found are removed.

    Raises RunError (`document-unknown`, `blob-gone`, `not-read-yet`, `pages-missing`), RowError
    (`target-table-refused`).
    """
    return transact(database, partial(_move, move=move, routes=routes, now=now, least=min_confidence))


def _move(connection: Connection, move: Move, routes: Routes, now: datetime, least: float) -> Moved:
    """Safe to do twice: a label is replaced by itself, and what was handed on is there."""
    source = moves.source(connection, move.source_id)
    if source is None:
        raise RunError("the document was forgotten meanwhile", reason="document-unknown")
    _require_there(source, move.pages)
    if move.pages == (1, source.pages):
        move = replace(move, pages=None)
    document, router = source.document, move.router
    label = TextLabel(document.ref, move.form_type, move.pages)
    before = routing.routed_from(connection, [document.id])
    text_labels.remember(connection, router.form_type, label, by=move.by, now=now)
    said = text_labels.of_router(connection, router.form_type)
    known = Router(routes.targets, least, router.split == "per_page", labels_by_place(said))
    decision = route(_result(source), known)
    routing.hand_on(connection, {document: decision.legs}, now)
    _settle(connection, move, source, decision, now)
    runs.record(
        connection,
        EVENT,
        now=now,
        form_type=router.form_type,
        document_id=document.id,
        to=move.form_type,
        pages=move.pages,
    )
    after = tuple(dict.fromkeys(leg.form_type for leg in decision.legs))
    earlier = tuple(dict.fromkeys(each.form_type for each in before))
    return Moved(document.ref.path, router.form_type, earlier, after, decision.result.outcome == "unrouted")


def _require_there(source: Source, pages: Pages | None) -> None:
    if source.outcome == "gone":
        raise RunError("the file is no longer in the backlog of the router", reason="blob-gone")
    if pages is None:
        return
    if source.pages is None:
        told = "its pages are not known yet: let a run read it first (`formpipe run`)"
        raise RunError(told, reason="not-read-yet")
    if pages[1] > source.pages:
        told = "1 page" if source.pages == 1 else f"{source.pages} pages"
        raise RunError(f"it has {told}", reason="pages-missing")


def _result(source: Source) -> DocumentResult:
    """What the router found, as it is stored. One that nobody read yet goes where the person says."""
    outcome = source.outcome or "unrouted"
    return DocumentResult(
        source.document, outcome, source.reason, source.message, source.values, pages=source.pages
    )


def _settle(connection: Connection, move: Move, source: Source, decision: Decision, now: datetime) -> None:
    """What the router's own row says of the document; one that is not read yet will be, and one that could
    not be stays as it is."""
    if source.stage != "done" or source.outcome not in ("loaded", "partial", "unrouted"):
        return
    key, result = source.document.id, decision.result
    moves.settle(connection, key, result.outcome, result.reason, result.message)
    moves.correct(connection, key, move.form_type if move.pages is None else None)
    if result.outcome != "unrouted":
        moves.clear_up(connection, key, [value.found.occurrence for value in result.values])
    targets.refresh(connection, move.router, [key])
    deliveries.queue(connection, move.router.sinks, [key], now)
