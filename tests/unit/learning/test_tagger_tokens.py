from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.learning.tagger_tokens import covered, tags, tokenize
from pipeline.texts import LabelledSpan


def words(text: str) -> list[str]:
    tokens = tokenize(text)
    return [text[start:end] for start, end in zip(tokens.starts.tolist(), tokens.ends.tolist(), strict=True)]


@given(st.text(st.sampled_from("aZ9 .,$\r\n\u00a0é\u0301🎉漢字カ\ufeff_") | st.characters()))
def test_tokens_are_all_that_is_not_space(text: str) -> None:
    assert "".join("".join(words(text)).split()) == "".join(text.split())


def test_words_numbers_and_signs_are_apart() -> None:
    assert words("($623,463.00) O'Neill") == ["(", "$", "623", ",", "463", ".", "00", ")", "O", "'", "Neill"]


def test_accents_stay_with_their_letters_and_ideographs_stand_alone() -> None:
    assert words("Zoe\u0308 漢字 abc漢") == ["Zoe\u0308", "漢", "字", "abc", "漢"]


def test_line_ends_are_tokens_and_empty_lines_are_told() -> None:
    tokens = tokenize("a\r\nb \n \n c")
    assert tokens.texts == ("a", "\n", "b", "\n\n", "c")
    assert tokens.lines.tolist() == [0, 0, 1, 1, 2]


def test_chunks_go_from_space_to_space() -> None:
    assert tokenize("on 5/6/20,\nok").chunks.tolist() == [0, 1, 1, 1, 1, 1, 1, 2, 3]


def test_a_span_covers_the_tokens_it_touches_without_line_ends_around_it() -> None:
    tokens = tokenize("City:\nNew Berlin\n end")
    assert [tokens.texts[at] for at in covered(tokens, LabelledSpan("City", 5, 13))] == ["New", "Berlin"]
    assert [tokens.texts[at] for at in covered(tokens, LabelledSpan("City", 7, 1))] == ["New"]
    assert not covered(tokens, LabelledSpan("City", 5, 1))


def test_tags_begin_and_go_on() -> None:
    spans = (LabelledSpan("B", 0, 3), LabelledSpan("A", 4, 5), LabelledSpan("C", 10, 1))
    assert tags(tokenize("one x y z c"), spans, ("A", "B")).tolist() == [3, 1, 2, 2, 0]
