"""Routers: what their classes name, what persons said of their documents, and documents moved by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from pipeline.db import routing, text_labels
from pipeline.db.transactions import consult
from pipeline.orchestrator.survey import Sources
from pipeline.params import table
from pipeline.params.rules import Validated
from pipeline.scoring.routing import Router, labels_by_place
from pipeline.types import AccountNames, FormType


@dataclass(frozen=True, slots=True)
class Routes:
    """What routers hand on. `targets`: the form types that take documents, among them those whose row is at
    fault (documents wait there until it is mended); `accounts`: where the blobs of each row are."""

    targets: frozenset[str] = frozenset()
    accounts: Mapping[str, AccountNames] = field(default_factory=dict)


def routes_of(sources: Sources, validated: Validated) -> Routes:
    """What the rows say, as they are now."""
    rows = validated.form_types
    targets = {row.form_type for row in rows if row.enabled and not row.routes}
    if validated.faulty:
        raw = consult(sources.database, table.read_rows)
        faulty = {str(row["form_type"]) for row in raw if row["enabled"] and not row["routes"]}
        targets |= faulty & validated.faulty
    return Routes(frozenset(targets), {row.form_type: row.secrets.scoring for row in rows})


def router_of(sources: Sources, row: FormType, routes: Routes, min_confidence: float) -> Router | None:
    """What this row hands on, None where it is no router."""
    if not row.routes:
        return None
    labels = consult(sources.database, partial(text_labels.of_router, router=row.form_type))
    least = min_confidence if row.min_confidence is None else row.min_confidence
    return Router(routes.targets, least, row.split == "per_page", labels_by_place(labels))


def look_again(connection: Connection, row: FormType, routes: Routes) -> None:
    """Documents whose class was no form type, and is one now, are classified again. Done again, it finds
    none."""
    if row.routes:
        routing.reset_unknown(connection, row.form_type, routes.targets)
