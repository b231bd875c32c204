"""Long texts cut at sentence ends: nothing is lost, nothing is cut that a reader takes for one character."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.formats.pieces import Piece, pieces

PARTS = (
    "a", "Word", ". ", "! ", "。", "\n\n", "\r\n", "  ", "Dr. ", "e\u0301", "\u0302", "👩\u200d👩\u200d👧",
    "👍🏽", "🇩🇪", "\ud83d\ude00", "한", "\u1112\u1161\u11ab", "日本語", "\u200d", "❤\ufe0f",
)  # fmt: skip
CHARACTERS = ("e\u0301\u0302", "👩\u200d👩\u200d👧", "🇩🇪", "👍🏽", "\u1112\u1161\u11ab", "\ud83d\ude00")
TEXTS = st.lists(st.sampled_from(PARTS), max_size=60).map("".join) | st.text(max_size=200)


def texts_of(text: str, most: int) -> list[str]:
    return [piece.text for piece in pieces(text, most)]


@settings(max_examples=400)
@given(TEXTS, st.integers(1, 40))
@example("word" + " " * 50 + "word", 10)
def test_pieces_join_to_the_text_and_stand_where_they_say(text: str, most: int) -> None:
    found = pieces(text, most)
    assert "".join(piece.text for piece in found) == text
    assert all(text[piece.offset : piece.offset + len(piece.text)] == piece.text for piece in found)
    assert all(0 < len(piece.text) <= most for piece in found)


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            ("e\u0301\u0302", "👩\u200d👩\u200d👧", "🇩🇪", "👍🏽", "\u1112\u1161\u11ab", "\ud83d\ude00")
        )
    )
)
def test_no_character_is_cut(characters: list[str]) -> None:
    ends, at = {0}, 0
    for character in characters:
        at += len(character)
        ends.add(at)
    assert {piece.offset for piece in pieces("".join(characters), 7)} <= ends


@settings(max_examples=300)
@given(st.lists(st.text("abcdeé", min_size=1, max_size=8), min_size=1), st.integers(9, 30))
def test_no_word_is_cut_that_fits(words: list[str], most: int) -> None:
    joined = [piece.text for piece in pieces(" ".join(words), most)]
    assert [word for text in joined for word in text.split()] == words


def test_a_piece_ends_with_its_last_whole_sentence() -> None:
    text = "The first one is long enough. The second one is here. The third is cut away."
    assert texts_of(text, 60) == [
        "The first one is long enough. The second one is here. ",
        "The third is cut away.",
    ]


def test_a_paragraph_end_wins_over_a_later_sentence_end() -> None:
    text = "It ends with this line.\n\nNext. And more of the same kind"
    assert texts_of(text, 40) == ["It ends with this line.\n\n", "Next. And more of the same kind"]


@pytest.mark.parametrize("short", ["Dr. Weiss", "No. 12", "J. Novák", "U.S. Department"])
def test_a_full_stop_of_an_abbreviation_ends_no_sentence(short: str) -> None:
    text = f"This was said on Monday. It came from {short} and others who stayed"
    assert texts_of(text, 48)[0] == "This was said on Monday. "


def test_japanese_is_cut_after_its_full_stop() -> None:
    text = "吾輩は猫である。名前はまだ無い。どこで生れたか"
    assert texts_of(text, 18) == ["吾輩は猫である。名前はまだ無い。", "どこで生れたか"]


def test_a_text_that_fits_is_one_piece_and_an_empty_one_is_none() -> None:
    assert pieces("Short.", 6) == (Piece(0, "Short."),)
    assert pieces("", 5) == ()


def test_a_word_longer_than_a_piece_is_cut() -> None:
    assert texts_of("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]


def test_a_piece_holds_at_least_one_character() -> None:
    with pytest.raises(ValueError, match="at least one"):
        pieces("text", 0)


def test_a_book_is_cut_fast() -> None:
    text = "A sentence of the usual kind, neither long nor short. " * 20_000
    found = pieces(text, 125_000)
    assert len(found) == 9
    assert all(piece.text.endswith(". ") for piece in found)
    assert len(pieces(text, 5_120)) > 200
