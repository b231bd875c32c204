from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.offsets import aligned, offsets
from pipeline.formats.text_elements import boundaries
from pipeline.texts import IndexType, LabelledSpan, ProjectDocument

INDEX_TYPES: tuple[IndexType, ...] = ("Utf16CodeUnit", "UnicodeCodePoint", "TextElements_v8")
TEXTS = st.text(
    st.sampled_from("ab \r\n\ufeffé\u0301\u0308한\u1100\u1161\u11a8🇩🇪👍🏽👩\u200d🚀𝔘\u0e33\u0903\ud800")
    | st.characters()
)


def clusters(text: str) -> list[str]:
    ends = boundaries(text)
    return [text[start:end] for start, end in pairwise(ends)]


def test_emoji_before_an_entity_count_two_units_each() -> None:
    text = "👍🏽 paid by Zoë 🎉 on 5 May"
    document = ProjectDocument("a.txt", spans=(LabelledSpan("Name", 13, 3), LabelledSpan("Date", 23, 5)))
    labelled, findings = aligned(document, text, "Utf16CodeUnit")
    assert [text[span.offset : span.offset + span.length] for span in labelled.spans] == ["Zoë", "5 May"]
    assert findings == ()
    assert offsets(text, "Utf16CodeUnit").units(labelled.spans[1].offset, 5) == (23, 5)


@given(TEXTS)
def test_utf16_offsets_agree_with_the_encoding(text: str) -> None:
    count = offsets(text, "Utf16CodeUnit")
    for point in range(len(text) + 1):
        unit = len(text[:point].encode("utf-16-le", "surrogatepass")) // 2
        assert (count.unit(point), count.point(unit)) == (unit, point)
    assert count.length == len(text.encode("utf-16-le", "surrogatepass")) // 2


@given(TEXTS, st.sampled_from(INDEX_TYPES))
def test_every_unit_is_found_again_or_lies_within_a_character(text: str, index_type: IndexType) -> None:
    count = offsets(text, index_type)
    for unit in range(count.length + 1):
        point = count.point(unit)
        assert point is None or count.unit(point) == unit
        assert point is not None or index_type == "Utf16CodeUnit"
    assert count.point(0) == 0 and count.point(count.length) == len(text)
    assert count.point(-1) is None and count.point(count.length + 1) is None


@given(TEXTS)
def test_text_elements_make_up_the_text(text: str) -> None:
    assert "".join(clusters(text)) == text and all(clusters(text))
    assert len(clusters(text)) == offsets(text, "TextElements_v8").length


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("", []),
        ("a\r\nb", ["a", "\r\n", "b"]),
        ("\n\r", ["\n", "\r"]),
        ("\ufeffab", ["\ufeff", "a", "b"]),
        ("e\u0301\u0308x", ["e\u0301\u0308", "x"]),
        ("\r\u0301", ["\r", "\u0301"]),
        ("नि", ["नि"]),
        ("ก\u0e33", ["ก\u0e33"]),
        ("\u1100\u1161\u11a8각\u11a8", ["\u1100\u1161\u11a8", "각\u11a8"]),
        ("🇩🇪🇫🇷", ["🇩🇪🇫🇷"]),
        ("👩\u200d🚀", ["👩\u200d", "🚀"]),
        ("👍🏽", ["👍", "🏽"]),
    ],
)
def test_text_elements_are_those_of_unicode_8(text: str, elements: list[str]) -> None:
    assert clusters(text) == elements


def test_an_offset_outside_the_text_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        offsets("ab", "UnicodeCodePoint").unit(3)


def test_spans_that_fit_no_text_are_told_and_left_out() -> None:
    text = "Hi 🎉 Anna Berg"
    spans = {
        "label-outside-text": LabelledSpan("Name", 11, 5),
        "label-cuts-character": LabelledSpan("Name", 3, 1),
        "label-empty": LabelledSpan("Name", 6, 0),
        "label-overlaps": LabelledSpan("Name", 8, 5),
    }
    good = LabelledSpan("Name", 6, 4)
    labelled, findings = aligned(
        ProjectDocument("a.txt", spans=(*spans.values(), good)), text, "Utf16CodeUnit"
    )
    assert labelled.spans == (LabelledSpan("Name", 5, 4),)
    assert {finding.code for finding in findings} == set(spans)
    assert {finding.subject for finding in findings} == {"a.txt"}
    assert "Label 4 (Name, offset 8, length 5)" in findings[-1].message
    assert not any("Anna" in finding.message for finding in findings)


def test_negative_offsets_lie_outside_the_text() -> None:
    _, (finding,) = aligned(
        ProjectDocument("a.txt", spans=(LabelledSpan("Name", -1, 2),)), "Anna", "Utf16CodeUnit"
    )
    assert finding.code == "label-outside-text"


def test_spans_come_in_the_order_of_the_text_and_may_touch() -> None:
    document = ProjectDocument("a.txt", spans=(LabelledSpan("B", 2, 2), LabelledSpan("A", 0, 2)))
    labelled, findings = aligned(document, "abcd", "Utf16CodeUnit")
    assert [span.category for span in labelled.spans] == ["A", "B"] and findings == ()


def test_line_ends_count_as_they_stand_in_the_text() -> None:
    document = ProjectDocument("a.txt", spans=(LabelledSpan("Name", 4, 4),))
    labelled, _ = aligned(document, "Hi\r\nAnna", "Utf16CodeUnit")
    assert labelled.spans == (LabelledSpan("Name", 4, 4),)
    elements, _ = aligned(document, "Hi\r\nAnna ", "TextElements_v8")
    assert elements.spans == (LabelledSpan("Name", 5, 4),)


def test_the_digest_tells_content_and_labels() -> None:
    document = ProjectDocument("a.txt", spans=(LabelledSpan("A", 0, 2),))
    one, other = (aligned(document, text, "Utf16CodeUnit")[0].digest for text in ("abcd", "abce"))
    relabelled, _ = aligned(
        ProjectDocument("a.txt", spans=(LabelledSpan("B", 0, 2),)), "abcd", "Utf16CodeUnit"
    )
    renamed, _ = aligned(ProjectDocument("b.txt", spans=document.spans), "abcd", "Utf16CodeUnit")
    assert len({one, other, relabelled.digest}) == 3 and renamed.digest == one
