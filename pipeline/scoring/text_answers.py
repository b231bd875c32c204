"""What a service says of one text of a request, or why it says nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipeline.errors import AttemptError
from pipeline.formats.pieces import Piece
from pipeline.operations.driver import failure
from pipeline.remote import OperationState, ServiceFault, TextItem
from pipeline.texts import FoundClass, ProjectKind, TextAnswer

UNANSWERED = "text-not-answered"
_PASSING = {"InternalServerError", "ServiceUnavailable", "Timeout", "TooManyRequests"}


def answer_of(items: Iterable[TextItem], request_id: str) -> TextAnswer | Exception:
    """The answer about a text; DocumentError (`failed-at-service`) where the service says that it cannot,
    AttemptError (`text-not-answered`) where it said nothing, or that it could not this time."""
    item = next((item for item in items if item.document_id == request_id), None)
    if item is None or (item.answer is None and item.fault is None):
        return AttemptError("the service says nothing of this text: it is sent again", reason=UNANSWERED)
    if item.answer is not None:
        return item.answer
    return _fault(item.fault) if item.fault else AttemptError("", reason=UNANSWERED)


def _fault(fault: ServiceFault) -> Exception:
    if fault.code in _PASSING:
        told = f"the service could not answer this text ({fault.code}): it is sent again"
        return AttemptError(told, reason=UNANSWERED)
    return failure(OperationState("failed", faults=(fault,)))


def joined(pieces: Sequence[tuple[Piece, TextAnswer]], kind: ProjectKind) -> TextAnswer:
    """One answer about a text that was asked for in pieces. What has one class has that which most of its
    characters speak for, by confidence; what may have several has each that any of its pieces has."""
    entities = tuple(
        replace(entity, offset=entity.offset + piece.offset)
        for piece, answer in pieces
        for entity in answer.entities
    )
    shares: dict[str, float] = {}
    length = sum(len(piece.text) for piece, _ in pieces) or 1
    for piece, answer in pieces:
        for one in answer.classes:
            if kind == "multi":
                shares[one.category] = max(shares.get(one.category, 0.0), one.confidence)
            else:
                share = one.confidence * len(piece.text) / length
                shares[one.category] = shares.get(one.category, 0.0) + share
    ranked = sorted(shares.items(), key=lambda share: -share[1])
    return TextAnswer(entities, tuple(FoundClass(name, min(share, 1.0)) for name, share in ranked))
