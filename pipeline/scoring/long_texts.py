"""Texts that are longer than a request may be: asked for piece by piece, answered as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from pipeline.db import operations
from pipeline.db.operations import PIECE
from pipeline.db.transactions import consult
from pipeline.formats.pieces import Piece
from pipeline.operations.submission import Ledger
from pipeline.remote import Operation
from pipeline.scoring.text_answers import joined
from pipeline.scoring.text_batches import Entry, cut
from pipeline.texts import ProjectKind, TextAnswer
from pipeline.types import ModelVersion

PIECE_ID = "piece"
"""What a piece is called in its request: its operation serves whichever document has the same content."""


@dataclass(frozen=True, slots=True, eq=False)
class PieceOf:
    """One piece of a long text. `subject`: what its operation is found again by, in whichever run."""

    of: LongText
    piece: Piece
    subject: str


@dataclass(slots=True, eq=False)
class LongText:
    """A document with a long text, and what was said of its pieces so far. For one thread."""

    entry: Entry
    pieces: tuple[PieceOf, ...] = ()
    _said: dict[str, TextAnswer] = field(default_factory=dict)
    _ended: bool = False

    def told(
        self, piece: PieceOf, answer: TextAnswer | Exception, kind: ProjectKind
    ) -> TextAnswer | Exception | None:
        """What is now known of the whole: an answer when all pieces have one, the first error, None before
        that and once it has ended. Answers of the others are found again by the next who asks."""
        if self._ended:
            return None
        if isinstance(answer, Exception):
            self._ended = True
            return answer
        self._said[piece.subject] = answer
        if len(self._said) < len(self.pieces):
            return None
        self._ended = True
        return joined([(each.piece, self._said[each.subject]) for each in self.pieces], kind)


def long_text(entry: Entry, text: str) -> LongText:
    """The document cut into pieces, the same in every run."""
    long = LongText(entry)
    found, digest = cut(text, entry.staged.units), entry.staged.document.content_hash
    long.pieces = tuple(
        PieceOf(long, piece, f"{PIECE}{number} of {len(found)} {digest}")
        for number, piece in enumerate(found, start=1)
    )
    return long


def begun(ledger: Ledger, version: ModelVersion) -> dict[str, Operation]:
    """The operations about pieces that this version was asked for and that have not ended, by subject."""
    found = consult(ledger.database, partial(_begun, ledger.group))
    return {each.subject: each for each in found if each.model_version_id == version.id}


def _begun(group: str, connection: Connection) -> tuple[Operation, ...]:
    known = operations.open_ones(connection, group, "analyze")
    return tuple(each for each in known if each.subject.startswith(PIECE))
