"""The classifier of texts: right answers, honest confidences, strangers left unsure, odd texts survived."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest

from pipeline.errors import RowError
from pipeline.learning import classifier as module
from pipeline.learning.classifier import TextClassifier
from pipeline.texts import FoundClass, LabelledText
from tests.unit.learning.class_texts import (
    COMMON_WORDS,
    KINDS,
    forms,
    labelled,
    letter,
    misread,
    topic_names,
    topic_text,
    topic_texts,
)

ROOT = Path(__file__).parents[3]
SURE = 0.8


@pytest.fixture(scope="module")
def sorter() -> TextClassifier:
    """Learned from ten forms of each of the demo's three kinds."""
    return TextClassifier().fit(forms(10), KINDS)


@pytest.fixture(scope="module")
def topics() -> TextClassifier:
    """Learned from topics that are hard to tell apart."""
    return TextClassifier().fit(topic_texts(5, range(20), own=0.18), topic_names(5))


def best(classifier: TextClassifier, texts: Sequence[str]) -> list[FoundClass]:
    return [found[0] for found in classifier.predict_pages(texts)]


def right(classifier: TextClassifier, texts: Sequence[LabelledText]) -> float:
    found = best(classifier, [text.text for text in texts])
    return float(np.mean([(each.category,) == text.classes for each, text in zip(found, texts, strict=True)]))


# --- forms and strangers --------------------------------------------------------------------------


@pytest.mark.parametrize("unseen", [False, True], ids=["known-layouts", "another-layout"])
def test_forms_are_told_apart_for_sure(sorter: TextClassifier, unseen: bool) -> None:
    new = forms(8, unseen=unseen, seed=99)
    assert right(sorter, new) == 1.0
    assert min(each.confidence for each in best(sorter, [form.text for form in new])) >= SURE


def test_letters_are_left_unsure(sorter: TextClassifier) -> None:
    confidences = [each.confidence for each in best(sorter, [letter(seed) for seed in range(20)])]
    assert max(confidences) < 0.3


@pytest.mark.parametrize("stranger", KINDS)
def test_forms_of_a_kind_that_was_never_seen_are_left_unsure(stranger: str) -> None:
    known = [form for form in forms(10) if form.classes != (stranger,)]
    strangers = [form.text for form in forms(8, seed=99) if form.classes == (stranger,)]
    sorter = TextClassifier().fit(known, KINDS)
    assert max(each.confidence for each in best(sorter, strangers)) < 0.5


def test_abstracts_are_strangers_to_forms_and_forms_to_abstracts(
    sorter: TextClassifier, topics: TextClassifier
) -> None:
    abstracts = [topic_text(1, number) for number in range(100, 110)]
    assert max(each.confidence for each in best(sorter, abstracts)) < 0.3
    assert max(each.confidence for each in best(topics, [form.text for form in forms(5)])) < 0.5


def test_bad_ocr_is_still_told_apart(sorter: TextClassifier) -> None:
    new = forms(8, seed=99)
    noisy = [labelled(misread(form.text, number), *form.classes) for number, form in enumerate(new)]
    joined = [labelled(form.text.replace(" ", ""), *form.classes) for form in new]
    assert right(sorter, noisy) == 1.0
    assert right(sorter, joined) >= 0.95
    found = best(sorter, [form.text for form in noisy])
    assert np.mean([each.confidence >= SURE for each in found]) >= 0.9


def test_confidences_are_shares_of_one(sorter: TextClassifier, topics: TextClassifier) -> None:
    texts = [*(letter(seed) for seed in range(5)), *(form.text for form in forms(3)), topic_text(2, 77)]
    for classifier in (sorter, topics):
        for found in classifier.predict_pages(texts):
            assert sum(each.confidence for each in found) <= 1.001
            assert {each.category for each in found} == set(classifier.model_.classes)
            assert [each.confidence for each in found] == sorted((f.confidence for f in found), reverse=True)


# --- honesty --------------------------------------------------------------------------------------


def test_answers_given_at_nine_tenths_are_right_nine_times_in_ten() -> None:
    given = []
    for draw in range(3):
        texts = topic_texts(5, range(1000 * draw, 1000 * draw + 20), own=0.18)
        classifier = TextClassifier().fit(texts, topic_names(5))
        new = topic_texts(5, range(1000 * draw + 100, 1000 * draw + 160), own=0.18)
        found = best(classifier, [text.text for text in new])
        given += [
            (each.confidence, (each.category,) == text.classes) for each, text in zip(found, new, strict=True)
        ]
    confidences, hits = np.array(given).T
    assert 0.7 < hits.mean() < 0.97, "the topics are neither too easy nor too hard to say anything"
    assert (confidences >= 0.9).mean() > 0.15
    assert hits[confidences >= 0.9].mean() >= 0.9
    bins = np.minimum((confidences * 5).astype(int), 4)
    error = sum(abs((confidences - hits)[bins == each].sum()) for each in range(5)) / len(hits)
    assert error < 0.12


@pytest.mark.parametrize(("texts", "highest"), [(2, 0.85), (10, 0.96), (40, 0.99)])
def test_few_texts_support_no_high_confidence(texts: int, highest: float) -> None:
    classifier = TextClassifier().fit(topic_texts(3, range(texts), own=0.6), topic_names(3))
    found = best(classifier, [topic_text(topic, 500, own=0.6) for topic in range(3)])
    assert highest - 0.15 < max(each.confidence for each in found) <= highest


# --- odd sets and texts ---------------------------------------------------------------------------


@pytest.mark.parametrize("empty", ["", " \n\t", "\u200b", "\ud800"])
def test_an_empty_text_has_little_confidence_in_any_class(sorter: TextClassifier, empty: str) -> None:
    found = sorter.predict(empty)
    assert len(found) == 3
    assert found[0].confidence < 0.05


def test_one_class_is_enough_to_tell_it_from_strangers() -> None:
    invoices = [form for form in forms(10) if form.classes == KINDS[:1]]
    classifier = TextClassifier().fit(invoices, KINDS)
    new = best(classifier, [form.text for form in forms(6, seed=99)])
    assert [each.confidence >= SURE for each in new] == [True] * 6 + [False] * 12
    assert max(each.confidence for each in best(classifier, [letter(seed) for seed in range(10)])) < 0.3


def test_a_class_with_one_text_neither_breaks_nor_wins() -> None:
    texts = [*forms(10), labelled(letter(1), "letter")]
    classifier = TextClassifier().fit(texts, [*KINDS, "letter"])
    assert right(classifier, forms(6, seed=99)) == 1.0
    found = best(classifier, [letter(seed) for seed in range(2, 12)])
    assert {each.category for each in found} == {"letter"}
    assert max(each.confidence for each in found) <= 0.75


def test_one_text_makes_a_model_that_knows_strangers() -> None:
    (invoice, *_), letters = forms(1), [letter(seed) for seed in range(5)]
    classifier = TextClassifier().fit([invoice], KINDS)
    assert best(classifier, [invoice.text])[0].confidence == pytest.approx(0.75)
    assert max(each.confidence for each in best(classifier, letters)) < 0.1


def test_two_texts_make_a_model() -> None:
    classifier = TextClassifier().fit([labelled("apple pie", "a"), labelled("zinc mine", "b")], ["a", "b"])
    assert best(classifier, ["an apple pie", "a zinc mine"])[0].category == "a"
    assert best(classifier, ["a zinc mine"])[0].category == "b"


def test_a_class_with_many_texts_does_not_swallow_one_with_few() -> None:
    texts = [*topic_texts(1, range(60), own=0.4), *topic_texts(3, range(60, 64), own=0.4)]
    classifier = TextClassifier().fit(texts, topic_names(3))
    assert right(classifier, topic_texts(3, range(200, 215), own=0.4)) >= 0.9


def test_japanese_has_no_spaces() -> None:
    stems = {
        "weather": ["明日は雨が降るでしょう", "気温が上がります", "台風が近づいています", "晴れのち曇り"],
        "sport": ["試合に勝ちました", "選手が得点しました", "監督が交代します", "優勝が決まった"],
    }
    random = Random(3)
    texts = [
        labelled("。".join(random.choices(stems[name], k=3)) + str(number), name)
        for name in stems
        for number in range(12)
    ]
    classifier = TextClassifier().fit(texts, list(stems))
    found = best(classifier, ["台風で雨が降るでしょう。気温が下がります", "選手が交代します。試合が決まった"])
    assert [each.category for each in found] == ["weather", "sport"]


def test_a_text_of_128_000_characters_is_classified_fast(topics: TextClassifier) -> None:
    random = Random(5)
    vocabulary = topic_text(3, 0, own=1.0).split()
    words = [random.choice(vocabulary if random.random() < 0.18 else COMMON_WORDS) for _ in range(30_000)]
    started = time.process_time()
    found = topics.predict(" ".join(words)[:128_000])
    assert time.process_time() - started < 5
    assert found[0].category == "topic3"


def test_of_too_many_texts_some_of_each_class_are_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TEXTS", 30)
    texts = [*topic_texts(1, range(200), own=0.5), *topic_texts(3, range(200, 212), own=0.5)]
    first, same, other = (TextClassifier().fit(texts, topic_names(3), seed=s).to_bytes() for s in (1, 1, 2))
    assert first == same != other
    assert right(TextClassifier.from_bytes(first), topic_texts(3, range(400, 420), own=0.5)) >= 0.9


def test_texts_without_a_known_class_teach_a_single_label_model_nothing() -> None:
    more = [*forms(10), labelled(letter(1)), labelled(letter(2), "letter")]
    assert TextClassifier().fit(more, KINDS).to_bytes() == TextClassifier().fit(forms(10), KINDS).to_bytes()


def test_copies_of_a_text_are_not_taken_for_evidence() -> None:
    texts = topic_texts(3, range(5))
    assert TextClassifier().fit(texts * 4, topic_names(3)).to_bytes() == (
        TextClassifier().fit(texts, topic_names(3)).to_bytes()
    )


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [labelled("unlabelled text")],
        [labelled("of another class", "other")],
        [labelled("", "a"), labelled("  ", "b")],
        [labelled("two classes", "a", "b"), labelled("one class", "a")],
    ],
    ids=["no-texts", "no-labels", "other-classes", "empty-texts", "two-classes"],
)
def test_what_makes_no_model_is_named(texts: list[LabelledText]) -> None:
    with pytest.raises(RowError) as caught:
        TextClassifier().fit(texts, ["a", "b"])
    assert caught.value.reason == "untrainable"
    assert "label texts of each class" in str(caught.value)


@pytest.mark.long
def test_two_hundred_classes_of_ten_texts_are_learned_in_seconds() -> None:
    started = time.process_time()
    classifier = TextClassifier().fit(topic_texts(200, range(10), own=0.4), topic_names(200))
    data = classifier.to_bytes()
    assert time.process_time() - started < 60
    assert len(data) < 5_000_000
    new = topic_texts(200, [500], own=0.4)
    assert right(TextClassifier.from_bytes(data), new) >= 0.9
    assert np.mean([each.confidence for each in best(classifier, [text.text for text in new])]) > 0.6


# --- many labels ----------------------------------------------------------------------------------


def mixed_texts(numbers: Sequence[int]) -> list[LabelledText]:
    """Texts of none, one or two of four topics."""
    texts = []
    for number in numbers:
        random = Random(number)
        chosen = sorted(random.sample(range(4), random.choice((0, 1, 1, 2))))
        parts = [topic_text(topic, number, own=0.5, words=40) for topic in chosen] or [
            topic_text(9, number, own=0.0, words=40)
        ]
        texts.append(labelled("\n".join(parts), *(f"topic{topic}" for topic in chosen)))
    return texts


@pytest.fixture(scope="module")
def tagger_of_many() -> TextClassifier:
    return TextClassifier().fit(mixed_texts(range(80)), topic_names(4), multi_label=True)


def test_all_classes_of_a_text_are_given_and_no_others(tagger_of_many: TextClassifier) -> None:
    new = mixed_texts(range(500, 580))
    found = tagger_of_many.predict_pages([text.text for text in new])
    pairs = [({each.category for each in f}, set(text.classes)) for f, text in zip(found, new, strict=True)]
    hits, given, there = (
        sum(map(len, sets))
        for sets in ([a & b for a, b in pairs], [a for a, _ in pairs], [b for _, b in pairs])
    )
    assert 2 * hits / (given + there) >= 0.9
    assert np.mean([not a for a, b in pairs if not b]) >= 0.7


def test_every_class_given_reaches_its_threshold(tagger_of_many: TextClassifier) -> None:
    model = tagger_of_many.model_
    thresholds = dict(zip(model.classes, model.trust.thresholds, strict=True))
    found = tagger_of_many.predict_pages([text.text for text in mixed_texts(range(500, 540))])
    assert any(len(each) == 2 for each in found)
    assert all(each.confidence >= thresholds[each.category] - 1e-4 for some in found for each in some)


def test_nothing_is_given_of_an_empty_text_or_a_letter(tagger_of_many: TextClassifier) -> None:
    assert tagger_of_many.predict_pages(["", letter(3)]) == ((), ())


@pytest.mark.parametrize("classes", [("a",), ("a", "b")], ids=["one-class", "both-always"])
def test_classes_that_all_texts_have_make_a_model(classes: tuple[str, ...]) -> None:
    texts = [labelled(topic_text(1, number, own=0.5), *classes) for number in range(12)]
    classifier = TextClassifier().fit(texts, ["a", "b"], multi_label=True)
    found = classifier.predict(topic_text(1, 99, own=0.5))
    assert {each.category for each in found} == set(classes)


# --- as bytes -------------------------------------------------------------------------------------


def test_a_stored_model_gives_the_same_answers(
    sorter: TextClassifier, tagger_of_many: TextClassifier
) -> None:
    texts = ["", letter(1), *(form.text for form in forms(2, seed=99)), topic_text(1, 5, own=0.5)]
    for classifier in (sorter, tagger_of_many):
        data = classifier.to_bytes()
        stored = TextClassifier.from_bytes(data)
        assert stored.predict_pages(texts) == classifier.predict_pages(texts)
        assert stored.to_bytes() == data
        assert len(data) < 1_000_000


def test_many_texts_at_once_are_answered_as_one_by_one(topics: TextClassifier) -> None:
    texts = [topic_text(number % 5, number) for number in range(300)]
    assert topics.predict_pages(texts)[::50] == tuple(topics.predict(text) for text in texts[::50])
    assert topics.predict_pages([]) == ()


def test_a_model_is_the_same_in_another_process(topics: TextClassifier) -> None:
    program = (
        "import hashlib\n"
        "from pipeline.learning.classifier import TextClassifier\n"
        "from tests.unit.learning.class_texts import topic_names, topic_texts\n"
        "model = TextClassifier().fit(topic_texts(5, range(20), own=0.18), topic_names(5))\n"
        "print(hashlib.sha256(model.to_bytes()).hexdigest())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == hashlib.sha256(topics.to_bytes()).hexdigest()


def test_a_stored_model_holds_no_words_of_its_texts() -> None:
    secret = "Przybyszewski"
    texts = [
        labelled(f"{secret} {topic_text(topic, n)}", f"topic{topic}") for topic in range(2) for n in range(5)
    ]
    data = TextClassifier().fit(texts, topic_names(2)).to_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        content = b"".join(archive.read(name) for name in archive.namelist()).lower()
    assert secret.lower().encode() not in content
    assert texts[0].text.split()[1].encode() not in content


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(contents: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return target.getvalue()


def saved(array: object, *, allow_pickle: bool = False) -> bytes:
    target = io.BytesIO()
    np.save(target, np.asarray(array), allow_pickle=allow_pickle)
    return target.getvalue()


def with_head(contents: dict[str, bytes], **changes: object) -> dict[str, bytes]:
    head = {**json.loads(contents["model.json"]), **changes}
    return {**contents, "model.json": json.dumps(head).encode()}


def test_zipping_the_members_again_makes_the_same_model(sorter: TextClassifier) -> None:
    assert TextClassifier.from_bytes(zipped(members(sorter.to_bytes()))).to_bytes() == sorter.to_bytes()


@pytest.mark.parametrize(
    "broken",
    [
        lambda m: {**m, "code.py": b"print()"},
        lambda m: {name: content for name, content in m.items() if name != "bias.npy"},
        lambda m: with_head(m, format="formpipe-classes/0"),
        lambda m: with_head(m, classes=["a", "b"]),
        lambda m: with_head(m, classes=["a", "a", "b"]),
        lambda m: with_head(m, reach=0),
        lambda m: with_head(m, slope=float("nan")),
        lambda m: with_head(m, nearness="near"),
        lambda m: with_head(m, nearness=0),
        lambda m: {**m, "model.json": b"[]"},
        lambda m: {**m, "bias.npy": saved(np.array([{}, 1, 2], dtype=object), allow_pickle=True)},
        lambda m: {**m, "bias.npy": saved(np.array([1, 2, np.inf], dtype="<f4"))},
        lambda m: {**m, "bias.npy": saved(np.zeros(3, dtype="<f8"))},
        lambda m: {**m, "weights.npy": saved(np.zeros((2, 3), dtype="<i1"))},
        lambda m: {**m, "buckets.npy": saved(np.zeros(2, dtype="<i4"))},
    ],
)
def test_anything_else_is_refused(
    sorter: TextClassifier, broken: Callable[[dict[str, bytes]], dict[str, bytes]]
) -> None:
    with pytest.raises(RowError) as caught:
        TextClassifier.from_bytes(zipped(broken(members(sorter.to_bytes()))))
    assert caught.value.reason == "model-unreadable"


def test_damaged_bytes_are_refused_or_change_nothing(sorter: TextClassifier) -> None:
    data, random = sorter.to_bytes(), Random(11)
    for _ in range(60):
        damaged = bytearray(data)
        damaged[random.randrange(len(data))] ^= 1 << random.randrange(8)
        cut = damaged[: random.randrange(len(data))] if random.random() < 0.3 else damaged
        try:
            assert TextClassifier.from_bytes(bytes(cut)).to_bytes() == data
        except RowError as error:
            assert error.reason == "model-unreadable"
