"""Statements on `text_label`: what persons said that documents of a router are, which its next training
learns from. Each function works inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from pipeline.db.documents import path_hash
from pipeline.db.tables import text_label
from pipeline.types import BlobRef


@dataclass(frozen=True, slots=True)
class TextLabel:
    """A document (or its pages from the first to the last) that a person said the class of. `ref.etag` is of
    the content that was meant."""

    ref: BlobRef
    category: str
    pages: tuple[int, int] | None = None

    @property
    def key(self) -> str:
        return path_hash(self.ref, self.pages)


def remember(connection: Connection, router: str, label: TextLabel, *, by: str, now: datetime) -> None:
    """Keep a label, instead of what was said of the same document before. What was said of pages of it goes
    where the whole is meant now, and the other way round. Done again, it does the same."""
    ref = label.ref
    same = (
        text_label.c.form_type == router,
        text_label.c.account == ref.account,
        text_label.c.container == ref.container,
        text_label.c.path == ref.path,
    )
    for row in connection.execute(select(text_label).where(*same)).all():
        pages = None if row.first_page is None else (row.first_page, row.last_page)
        if overlap(pages, label.pages):
            mine = (text_label.c.form_type == router, text_label.c.path_hash == row.path_hash)
            connection.execute(delete(text_label).where(*mine))
    first, last = label.pages or (None, None)
    place = {"account": ref.account, "container": ref.container, "path": ref.path, "path_hash": label.key}
    said = {"class": label.category, "etag": ref.etag or "", "labelled_at": now, "labelled_by": by}
    pages_of = {"first_page": first, "last_page": last}
    connection.execute(insert(text_label).values(form_type=router, **place, **said, **pages_of))


def overlap(one: tuple[int, int] | None, other: tuple[int, int] | None) -> bool:
    """Whether two page ranges share a page; None is the whole document."""
    if one is None or other is None:
        return True
    return one[0] <= other[1] and other[0] <= one[1]


def of_router(connection: Connection, router: str) -> list[TextLabel]:
    """Everything that was said of the documents of a router, by path."""
    rows = connection.execute(
        select(text_label)
        .where(text_label.c.form_type == router)
        .order_by(text_label.c.container, text_label.c.path, text_label.c.path_hash)
    )
    return [
        TextLabel(
            BlobRef(row.account, row.container, row.path, row.etag),
            row._mapping["class"],
            None if row.first_page is None else (row.first_page, row.last_page),
        )
        for row in rows
    ]
