from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from pipeline.errors import RowError
from pipeline.learning import tagger_fitting
from pipeline.learning.hashing import Codes
from pipeline.learning.tagger import EntityTagger, ceiling
from pipeline.learning.tagger_chain import Chain, Penalty, train_chain
from pipeline.learning.tagger_tokens import Numbers
from pipeline.texts import FoundEntity, LabelledSpan, LabelledText
from tests.unit.learning.entity_texts import CATEGORIES, letter, letters, values


@pytest.fixture(scope="module")
def tagger() -> EntityTagger:
    return EntityTagger().fit(letters(24), CATEGORIES)


def found_values(found: tuple[FoundEntity, ...]) -> list[tuple[str, str]]:
    return [(each.category, each.text) for each in found]


def test_entities_of_unseen_letters_are_found_with_their_places(tagger: EntityTagger) -> None:
    right = wanted = 0
    for text in letters(20, first=100):
        found = tagger.predict(text.text)
        assert all(text.text[each.offset : each.offset + each.length] == each.text for each in found)
        wanted += len(text.spans)
        right += len(set(values(text)) & set(found_values(found)))
    assert right / wanted > 0.95


def test_offsets_count_code_points_behind_emoji(tagger: EntityTagger) -> None:
    text = letter(200, before="👍🏽🎉 ")
    spans = [(each.category, each.offset, each.length) for each in tagger.predict(text.text)]
    assert spans == [(span.category, span.offset, span.length) for span in text.spans]


def test_texts_of_nothing_have_no_entities(tagger: EntityTagger) -> None:
    assert tagger.predict("") == tagger.predict(" \r\n \t") == ()


def test_a_stored_tagger_says_the_same(tagger: EntityTagger) -> None:
    data = tagger.to_bytes()
    again = EntityTagger.from_bytes(data)
    assert again.to_bytes() == data
    for text in letters(5, first=300):
        assert again.predict(text.text) == tagger.predict(text.text) != ()


def test_equal_texts_make_equal_models_in_whatever_order_they_come() -> None:
    texts = letters(8)
    one = EntityTagger().fit(texts, CATEGORIES, seed=3).to_bytes()
    assert one == EntityTagger().fit(texts[::-1], CATEGORIES, seed=3).to_bytes()


def test_a_model_holds_no_words_of_the_training_texts(tagger: EntityTagger) -> None:
    with zipfile.ZipFile(io.BytesIO(tagger.to_bytes())) as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert not [word for word in (b"Okafor", b"okafor", b"behalf", b"amount") if word in content]


def test_confidence_stays_below_what_the_examples_support(tagger: EntityTagger) -> None:
    confidences = [each.confidence for text in letters(10, 400) for each in tagger.predict(text.text)]
    assert all(0 < confidence <= round(ceiling(24), 4) < 1 for confidence in confidences)
    assert max(confidences) > 0.8


# --- sets that hardly make a model --------------------------------------------------------------------


@pytest.mark.parametrize("texts", [[], [LabelledText("a.txt", "Nothing here.")], [LabelledText("a.txt", "")]])
def test_texts_without_entities_are_untrainable(texts: list[LabelledText]) -> None:
    with pytest.raises(RowError) as raised:
        EntityTagger().fit(texts, CATEGORIES)
    assert raised.value.reason == "untrainable" and "label" in str(raised.value)


def test_entities_of_other_categories_are_none() -> None:
    with pytest.raises(RowError) as raised:
        EntityTagger().fit(letters(3), ("Colour",))
    assert raised.value.reason == "untrainable"


def test_a_category_without_examples_is_never_found() -> None:
    tagger = EntityTagger().fit(letters(12), ("Colour", *CATEGORIES))
    found = tagger.predict(letter(500).text)
    assert {each.category for each in found} == set(CATEGORIES)


def test_one_text_makes_a_model_that_finds_its_entities_again_without_being_sure() -> None:
    text = letter(0)
    found = EntityTagger().fit([text], CATEGORIES).predict(text.text)
    assert set(found_values(found)) <= set(values(text)) and found
    assert max(each.confidence for each in found) <= round(ceiling(1), 4)


def test_equal_texts_make_a_model() -> None:
    text = letter(0)
    copies = [replace(text, name=f"{number}.txt") for number in range(6)]
    assert found_values(EntityTagger().fit(copies, CATEGORIES).predict(text.text)) == values(text)


def test_a_label_that_cuts_a_word_is_taken_for_the_whole_word() -> None:
    texts = [LabelledText(f"{at}.txt", f"City of {name}", (LabelledSpan("City", 8, 3),))
             for at, name in enumerate(("Dayton", "Albany", "Irvine", "Boston"))]  # fmt: skip
    assert found_values(EntityTagger().fit(texts, ("City",)).predict("City of Dayton")) == [
        ("City", "Dayton")
    ]


def test_two_entities_side_by_side_are_two_where_the_training_has_that() -> None:
    def row(one: str, two: str) -> LabelledText:
        return LabelledText(one, f"codes {one} {two} end", (
            LabelledSpan("Code", 6, len(one)), LabelledSpan("Code", 7 + len(one), len(two)),
        ))  # fmt: skip

    texts = [row(one, two) for one, two in (("AB", "CD"), ("EF", "GH"), ("IJ", "KL"), ("MN", "OP"))]
    found = EntityTagger().fit(texts, ("Code",)).predict("codes QR ST end")
    assert found_values(found) == [("Code", "QR"), ("Code", "ST")]


# --- long texts -----------------------------------------------------------------------------------


def test_a_text_of_128000_characters_is_read_to_its_end(tagger: EntityTagger) -> None:
    filler = "There is nothing of interest in this sentence, nor on page 7 of it.\n" * 1900
    text = letter(600, before=filler[: 128_000 - len(letter(600).text)])
    assert len(text.text) == 128_000
    started = time.process_time()
    found = found_values(tagger.predict(text.text))
    assert set(values(text)) <= set(found)
    assert time.process_time() - started < 30


def test_training_on_long_texts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    learned: list[int] = []

    def counted(sequences: Iterable[tuple[Codes, Numbers]], tags: int, penalty: Penalty) -> Chain:
        taken = list(sequences)
        learned.append(sum(len(codes) for codes, _ in taken))
        return train_chain(taken, tags, penalty)

    monkeypatch.setattr(tagger_fitting, "_MOST_WORK", 4000 * 1.7)
    monkeypatch.setattr(tagger_fitting, "train_chain", counted)
    filler = "There is nothing of interest in this sentence, nor on page 7 of it.\n" * 200
    tagger = EntityTagger().fit([letter(number, before=filler) for number in range(8)], CATEGORIES)
    assert len(learned) == 2 and 2000 < min(learned) <= max(learned) < 5000
    assert set(values(letter(700))[1:]) <= set(found_values(tagger.predict(letter(700).text)))


def test_many_categories_are_told_by_several_chains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tagger_fitting, "_GROUP", 2)
    tagger = EntityTagger().fit(letters(24), CATEGORIES)
    assert [chain.categories for chain in tagger.model_.chains] == [1, 2]
    again = EntityTagger.from_bytes(tagger.to_bytes())
    for text in letters(5, first=800):
        assert again.predict(text.text) == tagger.predict(text.text)
        assert found_values(again.predict(text.text))[1:] == values(text)[1:]


def test_the_work_of_a_training_does_not_grow_with_the_square_of_the_categories() -> None:
    groups = tagger_fitting.groups_of(200)
    assert {len(group) for group in groups} == {20}
    assert [number for group in groups for number in group] == list(range(200))


# --- files ----------------------------------------------------------------------------------------


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(parts: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


def array(content: np.ndarray) -> bytes:
    target = io.BytesIO()
    np.save(target, content, allow_pickle=content.dtype == object)
    return target.getvalue()


def assert_unreadable(data: bytes) -> None:
    with pytest.raises(RowError) as raised:
        EntityTagger.from_bytes(data)
    assert raised.value.reason == "model-unreadable"


def test_a_file_that_is_cut_or_no_model_is_unreadable(tagger: EntityTagger) -> None:
    data = tagger.to_bytes()
    for broken in (b"", b"PK", data[: len(data) // 2], data[:-30], b"\0" * 100):
        assert_unreadable(broken)
    parts = members(data)
    assert_unreadable(packed({**parts, "more.npy": b""}))
    assert_unreadable(packed({**parts, "model.json": parts["model.json"].replace(b"entities/", b"others/")}))
    assert_unreadable(packed({**parts, "model.json": parts["model.json"].replace(b'"Sum"', b'"Sum", "Tax"')}))
    assert_unreadable(packed({**parts, "model.json": b"[]"}))
    none = b'{"format": "formpipe-entities/1", "categories": [], "examples": [], "most": [], "texts": 1}'
    assert_unreadable(packed({**parts, "model.json": none}))


def test_every_array_that_does_not_fit_is_refused(tagger: EntityTagger) -> None:
    parts = members(tagger.to_bytes())
    for name in [name for name in parts if name.endswith(".npy")]:
        whole = np.load(io.BytesIO(parts[name]))
        short, other = whole[:-1], whole.astype("c16")
        for wrong in (short, other, np.array([{}], dtype=object)):
            assert_unreadable(packed({**parts, name: array(wrong)}))


def test_columns_beyond_the_tags_and_endless_weights_are_refused(tagger: EntityTagger) -> None:
    parts = members(tagger.to_bytes())
    for name, worst in (
        ("tags0", 99),
        ("tags0", -1),
        ("weights0", np.nan),
        ("steps0", np.inf),
        ("odds", np.nan),
    ):
        wrong = np.load(io.BytesIO(parts[f"{name}.npy"])).copy()
        wrong.flat[0] = worst
        assert_unreadable(packed({**parts, f"{name}.npy": array(wrong)}))
