"""What is read of a text document, and what a model's answer about it becomes."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.errors import DocumentError
from pipeline.scoring.document import Found, ScoreTask, ScoringModel, conclude, score_document
from pipeline.scoring.text_document import fields_of, read_text
from pipeline.storage.folder import FolderStorage
from pipeline.texts import FoundClass, FoundEntity, TextAnswer
from pipeline.types import (
    AccountNames,
    BacklogDocument,
    BlobRef,
    Box,
    DocumentResult,
    FieldSpec,
    Layout,
    Line,
    ModelKind,
    Page,
    Word,
)

MULTI = (FieldSpec("class"), FieldSpec("confidence", "number"), FieldSpec("classes"))


def line(text: str, top: float, page: int = 1) -> Line:
    """Words of a tenth of an inch a character, one after another."""
    words, at = [], 0
    for part in text.split():
        start = text.index(part, at)
        at = start + len(part)
        box = Box(start / 10, top, at / 10, top + 0.1)
        words.append(Word(part, box.polygon, confidence=0.5 if part == "blurred" else 0.9))
    return Line(text, Box(0, top, len(text) / 10, top + 0.1).polygon, tuple(words))


LAYOUT = Layout(
    (
        Page(1, 8.5, 11, "inch", (line("Dear Anna", 1), line("of blurred Berg", 2))),
        Page(2, 8.5, 11, "inch", (line("and Berg", 1),)),
    ),
    2,
)


class Answering:
    """An engine that reads LAYOUT and says what it was told to."""

    def __init__(self, answer: TextAnswer | None = None) -> None:
        self.said = answer or TextAnswer()
        self.asked: list[str] = []

    def layout(self, content: bytes, *, max_pages: int, file_type: str | None = None) -> Layout:
        return LAYOUT

    def answer(self, model_id: str, text: str) -> TextAnswer:
        self.asked.append(text)
        return self.said


def entity(text: str, category: str, value: str, start: int = 0) -> FoundEntity:
    return FoundEntity(category, value, text.index(value, start), len(value), 0.8)


def score(
    tmp_path: Path,
    content: bytes,
    engine: Answering,
    kind: ModelKind = "entities",
    fields: tuple[FieldSpec, ...] = (FieldSpec("Party"),),
) -> DocumentResult:
    (tmp_path / "lake").mkdir(exist_ok=True)
    (tmp_path / "lake" / "a").write_bytes(content)
    multi = len(fields) == 3
    scoring = ScoringModel("m", fields, "de-DE", 0.6, 50, None, kind, multi)
    document = BacklogDocument(1, "loans", BlobRef("", "lake", "a"), len(content))
    task = ScoreTask(document, scoring, AccountNames(), "out/a_output.json")
    return score_document(task, FolderStorage(tmp_path), engine)  # type: ignore[arg-type]


def test_entities_are_values_with_their_places_in_the_order_of_the_text(tmp_path: Path) -> None:
    text = "🎉 Berg lends to Lund, and Berg pays"
    found = (
        entity(text, "Party", "Berg", 10),
        entity(text, "Party", "Lund"),
        entity(text, "Party", "Berg"),
    )
    result = score(tmp_path, text.encode(), Answering(TextAnswer(entities=found)))
    told = [(v.found.text, v.found.occurrence, v.found.offset, v.found.length) for v in result.values]
    assert told == [("Berg", 0, 2, 4), ("Lund", 1, 16, 4), ("Berg", 2, 26, 4)]
    assert (result.outcome, result.pages) == ("loaded", 1)
    assert {value.found.polygon for value in result.values} == {None}
    written = (tmp_path / "lake" / "out" / "a_output.json").read_text()
    assert '"offset": 16' in written


def test_a_place_on_a_page_is_told_where_the_text_is_the_layouts() -> None:
    text = LAYOUT.text
    found = entity(text, "Party", "Anna\nof blurred Berg"), entity(text, "Party", "Berg", 26)
    first, second = fields_of(TextAnswer(entities=found), "entities", text, LAYOUT)
    assert (first.page, second.page) == (1, 2)
    assert first.polygon == Box(0.0, 1, 1.5, 2.1).polygon
    assert (first.layout_confidence, second.layout_confidence) == (0.5, 0.9)
    assert second.polygon == Box(0.4, 1, 0.8, 1.1).polygon


def test_a_stretch_inside_a_word_or_across_pages_has_the_words_of_its_first_page() -> None:
    text = LAYOUT.text
    found = entity(text, "Party", "er"), entity(text, "Party", "Berg\nand")
    inside, across = fields_of(TextAnswer(entities=found), "entities", text, LAYOUT)
    assert inside.polygon == across.polygon == Box(1.1, 2, 1.5, 2.1).polygon


def test_another_text_than_the_layouts_has_no_place_on_it() -> None:
    (found,) = fields_of(TextAnswer(entities=(entity("Anna", "Party", "Anna"),)), "entities", "Anna", LAYOUT)
    assert (found.page, found.polygon) == (1, None)


def test_a_class_is_a_value_and_so_is_its_confidence_in_no_locale(tmp_path: Path) -> None:
    classes = FoundClass("letter", 0.875), FoundClass("bill", 0.1)
    result = score(tmp_path, b"a text", Answering(TextAnswer(classes=classes)), "classes", MULTI[:2])
    label, sure = result.values
    assert (label.found.field, label.typed.text, label.review) == ("class", "letter", False)
    assert (sure.found.field, sure.typed.number) == ("confidence", Decimal("0.875"))
    assert result.outcome == "loaded"


def test_classes_of_a_multi_label_model_are_all_told(tmp_path: Path) -> None:
    classes = FoundClass("letter", 0.9), FoundClass("angry", 0.7)
    result = score(tmp_path, b"a text", Answering(TextAnswer(classes=classes)), "classes", MULTI)
    told = [(v.found.field, v.found.occurrence, v.found.text) for v in result.values]
    assert told == [
        ("class", 0, "letter"),
        ("class", 1, "angry"),
        ("confidence", 0, "0.9000"),
        ("classes", 0, "letter, angry"),
    ]


def test_an_unsure_class_is_asked_of_a_person_once(tmp_path: Path) -> None:
    answer = TextAnswer(classes=(FoundClass("letter", 0.5),))
    result = score(tmp_path, b"a text", Answering(answer), "classes", MULTI[:2])
    assert [value.review for value in result.values] == [True, False]


@pytest.mark.parametrize("kind", ["entities", "classes"])
def test_nothing_found_is_partial(tmp_path: Path, kind: ModelKind) -> None:
    result = score(tmp_path, b"a text", Answering(), kind, MULTI)
    assert (result.outcome, result.reason) == ("partial", "empty-extraction")


def test_a_text_of_blanks_is_partial_and_nothing_is_asked(tmp_path: Path) -> None:
    engine = Answering()
    result = score(tmp_path, b" \n\t", engine)
    assert (result.outcome, result.reason, engine.asked) == ("partial", "empty-text", [])


def test_a_document_that_is_no_text_is_read_by_the_engine(tmp_path: Path) -> None:
    engine = Answering(TextAnswer(entities=(entity(LAYOUT.text, "Party", "Anna"),)))
    result = score(tmp_path, b"%PDF-1.4 it is", engine)
    assert engine.asked == [LAYOUT.text]
    assert (result.pages, result.values[0].found.page) == (2, 1)
    assert result.values[0].found.polygon is not None


@pytest.mark.parametrize(
    ("content", "file_type", "reason"),
    [
        (b"PK\x03\x04" + bytes(30), None, "unsupported-content"),
        ("Größe".encode("latin-1"), None, "text-not-utf-8"),
        (b"", None, "empty-file"),
        (b"%PDF-1.4", "text/plain", "other-file-type"),
    ],
)
def test_what_is_no_document_is_named(content: bytes, file_type: str | None, reason: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read_text(content, Answering(), max_pages=5, file_type=file_type)  # type: ignore[arg-type]
    assert caught.value.reason == reason


def test_a_service_that_is_asked_ends_in_the_same_values(tmp_path: Path) -> None:
    """What a worker concludes of an answer does not depend on who gave it."""
    text = "Berg lends"
    answer = TextAnswer(entities=(entity(text, "Party", "Berg"),))
    here = score(tmp_path, text.encode(), Answering(answer))
    read = read_text(text.encode(), Answering(), max_pages=5)  # type: ignore[arg-type]
    found = Found(read.layout, fields_of(answer, "entities", read.text, read.layout), "hash", read.text)
    model = ScoringModel("m", (FieldSpec("Party"),), "de-DE", 0.6, 50, None, "entities")
    there = conclude(ScoreTask(here.document, model, AccountNames()), found, FolderStorage(tmp_path))
    assert (there.values, there.outcome) == (here.values, here.outcome)
