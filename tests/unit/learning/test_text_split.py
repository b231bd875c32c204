from __future__ import annotations

from collections import Counter
from dataclasses import replace

from pipeline.learning.text_split import split
from pipeline.texts import LabelledText


def numbered(count: int, classes: int = 0) -> list[LabelledText]:
    return [
        LabelledText(
            f"{at:03}.txt", f"text {at}", classes=(f"c{at % classes}",) if classes else (), digest=f"d{at}"
        )
        for at in range(count)
    ]


def test_fewer_than_ten_texts_all_train() -> None:
    parts = split(numbered(9), 0)
    assert (parts.method, len(parts.train), parts.held_out) == ("none", 9, ())


def test_from_ten_texts_on_one_in_ten_is_tested_and_one_in_ten_validates() -> None:
    for count, tenth in ((10, 1), (14, 1), (140, 14)):
        parts = split(numbered(count), 0)
        assert parts.method == "percentage"
        assert (len(parts.train), len(parts.validation), len(parts.test)) == (
            count - 2 * tenth, tenth, tenth,
        )  # fmt: skip
        assert len({text.name for text in parts.train + parts.held_out}) == count


def test_the_order_of_the_texts_does_not_matter_but_the_seed_does() -> None:
    texts = numbered(60)
    assert set(split(texts, 0).test) == set(split(texts[::-1], 0).test)
    assert set(split(texts, 0).test) != set(split(texts, 1).test)


def test_a_text_that_is_added_moves_few_others() -> None:
    texts = numbered(101)
    before, after = set(split(texts[:100], 0).held_out), set(split(texts, 0).held_out)
    assert len(before - after) <= 2


def test_every_class_has_its_share() -> None:
    parts = split(numbered(140, classes=7), 0)
    assert Counter(text.classes[0] for text in parts.test) == {f"c{at}": 2 for at in range(7)}


def test_a_class_of_one_text_trains() -> None:
    texts = [*numbered(30), LabelledText("rare.txt", "rare", classes=("rare",), digest="rare")]
    assert any(text.name == "rare.txt" for text in split(texts, 3).train)


def test_texts_without_a_digest_are_told_apart_by_their_content() -> None:
    texts = [replace(text, digest="") for text in numbered(40)]
    renamed = [replace(text, name=f"z{text.name}") for text in texts]
    assert [text.text for text in split(texts, 0).test] == [text.text for text in split(renamed, 0).test]


def test_texts_that_are_all_marked_go_where_they_are_marked_for() -> None:
    texts = [replace(text, dataset="test" if at < 3 else "train") for at, text in enumerate(numbered(5))]
    parts = split(texts, 0)
    assert (parts.method, len(parts.train), len(parts.validation), len(parts.test)) == ("manual", 2, 0, 3)


def test_marks_on_some_texts_only_are_not_followed() -> None:
    texts = [replace(numbered(12)[0], dataset="test"), *numbered(12)[1:]]
    assert split(texts, 0).method == "percentage"
