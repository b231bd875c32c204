"""How texts are put into requests, and what their answers are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import AttemptError, DocumentError
from pipeline.formats.pieces import Piece
from pipeline.remote import Operation, ServiceFault, StagedDocument, TextItem
from pipeline.scoring.document import ScoreTask, ScoringModel
from pipeline.scoring.text_answers import answer_of, joined
from pipeline.scoring.text_batches import Entry, Filling, cut, halves, patiently, records
from pipeline.scoring.text_staging import StagedText
from pipeline.texts import FoundClass, FoundEntity, TextAnswer
from pipeline.types import AccountNames, BacklogDocument, BlobRef
from pipeline.wire.language.batches import CHARACTERS, characters

MODEL = ScoringModel("p/d", (), None, 0.5, 10, None)


def entry(number: int, units: int = 100, operation: int | None = None) -> Entry:
    document = BacklogDocument(number, "letters", BlobRef("", "c", f"{number}.txt"), units)
    known = None if operation is None else Operation(operation, "analyze", "https://service/jobs/1")
    staged = StagedDocument(f"{number}.txt", Path(f"{number}"), units, "text/plain", f"h{number}", 1)
    return Entry(ScoreTask(document, MODEL, AccountNames(), operation=known), StagedText(staged, units))


def ids(groups: object) -> list[list[int]]:
    assert isinstance(groups, Iterator)
    return [[each.task.document.id for each in group] for group in groups]


def test_a_request_goes_when_it_has_25_documents() -> None:
    filling = Filling(2.0, lambda: 0.0)
    went = [group for number in range(60) for group in filling.add(entry(number))]
    assert [len(group) for group in went] == [25, 25]
    assert ids(filling.rest()) == [list(range(50, 60))]
    assert filling.left() is None


def test_a_request_has_125_000_characters_at_most() -> None:
    filling = Filling(2.0, lambda: 0.0)
    went = [ids(filling.add(entry(number, units))) for number, units in enumerate([60_000, 60_000, 60_000])]
    assert went == [[], [], [[0, 1]]]
    assert ids(filling.add(entry(9, 65_000))) == [[2, 9]], "full to the last character"


def test_a_text_does_not_wait_for_ever_for_others() -> None:
    now = [0.0]
    filling = Filling(2.0, lambda: now[0])
    assert ids(filling.add(entry(1))) == []
    now[0] = 1.5
    assert (ids(filling.add(entry(2))), ids(filling.due()), filling.left()) == ([], [], 0.5)
    now[0] = 2.0
    assert ids(filling.due()) == [[1, 2]]


def test_what_an_operation_has_already_is_asked_for_together() -> None:
    filling = Filling(2.0, lambda: 0.0)
    for number, operation in ((1, 7), (2, None), (3, 7), (4, 8)):
        assert ids(filling.add(entry(number, 80_000, operation))) == []
    assert sorted(ids(filling.rest())) == [[1, 3], [2], [4]]


def test_a_refused_request_is_halved() -> None:
    five = [entry(number) for number in range(5)]
    one, other = halves(five)
    assert (len(one), len(other), [*one, *other]) == (2, 3, five)


@pytest.mark.parametrize("letter", ["a", "\U0001f600"])
def test_pieces_of_a_long_text_fit_into_requests(letter: str) -> None:
    text = f"{letter * 40} ends.\n" * 8000
    found = cut(text, characters(text))
    assert "".join(piece.text for piece in found) == text
    assert len(found) > 1
    assert all(characters(piece.text) <= CHARACTERS for piece in found)


def test_a_text_record_is_a_thousand_characters() -> None:
    assert [records(n) for n in (0, 1, 1000, 1001, 125_000)] == [1, 1, 1, 2, 125]


def test_a_source_that_is_slow_is_not_waited_for() -> None:
    gate = threading.Event()

    def source() -> Iterator[int]:
        yield 1
        gate.wait(10)
        yield 2

    found: list[int | None] = []
    for each in patiently(source(), lambda: 0.01 if found else None):
        found.append(each)
        if each is None:
            gate.set()
    assert [each for each in found if each] == [1, 2]
    assert None in found


def test_an_error_of_the_source_comes_through() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise AttemptError("no", reason="broken")

    with pytest.raises(AttemptError, match="no"):
        list(patiently(source(), lambda: None))


# --- answers --------------------------------------------------------------------------------------


def test_a_text_has_its_own_answer_or_fault() -> None:
    answer = TextAnswer(classes=(FoundClass("food", 0.9),))
    items = (
        TextItem("1", answer),
        TextItem("2", fault=ServiceFault("InvalidDocument", "Document text is empty.")),
        TextItem("3", fault=ServiceFault("InternalServerError", "Try later.")),
    )
    assert answer_of(items, "1") == answer
    bad = answer_of(items, "2")
    assert isinstance(bad, DocumentError)
    assert "InvalidDocument" in str(bad)
    for passing in ("3", "4"):
        error = answer_of(items, passing)
        assert isinstance(error, AttemptError)
        assert error.reason == "text-not-answered"


def test_entities_of_pieces_stand_where_they_stand_in_the_whole() -> None:
    def said(text: str, offset: int) -> TextAnswer:
        return TextAnswer((FoundEntity("Town", text, offset, len(text), 0.9),))

    pieces = [(Piece(0, "In Oslo. "), said("Oslo", 3)), (Piece(9, "And Bodo."), said("Bodo", 4))]
    whole = joined(pieces, "entities")
    text = "In Oslo. And Bodo."
    assert [text[e.offset : e.offset + e.length] for e in whole.entities] == ["Oslo", "Bodo"]


def test_a_long_text_has_the_class_that_most_of_it_speaks_for() -> None:
    def said(*classes: tuple[str, float]) -> TextAnswer:
        return TextAnswer(classes=tuple(FoundClass(name, sure) for name, sure in classes))

    pieces = [(Piece(0, "a" * 30), said(("food", 0.8))), (Piece(30, "b" * 10), said(("rain", 1.0)))]
    assert joined(pieces, "single").classes == (FoundClass("food", 0.6), FoundClass("rain", 0.25))
    assert joined(pieces, "multi").classes == (FoundClass("rain", 1.0), FoundClass("food", 0.8))
