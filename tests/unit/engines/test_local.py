"""The local engine: one door to reading and learning, and models it will not open."""

from __future__ import annotations

import pytest

from pipeline.engines.local import LocalEngine, open_model
from pipeline.errors import RowError
from pipeline.texts import TextProject
from pipeline.types import FieldSpec, LabelledForm
from tests.unit.learning.class_texts import topic_names, topic_texts
from tests.unit.learning.entity_texts import CATEGORIES, letter, letters
from tests.unit.learning.order_forms import FIELDS, labelled


def engine(bundles: dict[str, bytes]) -> LocalEngine:
    return LocalEngine(bundles.__getitem__)


def test_what_it_trains_it_can_ask() -> None:
    forms = [labelled(seed) for seed in range(6)]
    trained = engine({}).train(forms, FIELDS, labels=True)
    assert trained.forms == 6
    assert trained.evaluation.method == "cross-validation"
    found = engine({"m": trained.content}).extract("m", labelled(77).layout)
    assert {value.field for value in found} <= {spec.name for spec in FIELDS}
    assert found


def test_without_labels_the_keys_become_the_fields() -> None:
    forms = [labelled(seed) for seed in range(8)]
    bare = [LabelledForm(form.name, form.layout) for form in forms]
    trained = engine({}).train(bare, (), labels=False)
    assert trained.evaluation.method == "none"
    assert trained.fields
    found = engine({"m": trained.content}).extract("m", labelled(77).layout)
    assert {value.field for value in found} & {spec.name for spec in trained.fields}


def test_a_described_key_keeps_its_description() -> None:
    bare = [LabelledForm(f.name, f.layout) for f in (labelled(seed) for seed in range(8))]
    key = engine({}).train(bare, (), labels=False).fields[0].name
    described = FieldSpec(key, "integer", required=True)
    assert described in engine({}).train(bare, (described,), labels=False).fields


def test_forms_with_nothing_in_common_make_no_model() -> None:
    with pytest.raises(RowError) as caught:
        engine({}).train([], (), labels=False)
    assert caught.value.reason == "untrainable"


@pytest.mark.parametrize("content", [b"", b"pickle", b"formpipe-fields\n", b"formpipe-pairs\n{}"])
def test_what_is_no_model_of_ours_is_refused(content: bytes) -> None:
    with pytest.raises(RowError) as caught:
        open_model(content)
    assert caught.value.reason == "model-unreadable"


def test_what_it_trains_of_entities_finds_them_where_they_stand() -> None:
    texts = letters(20)
    project = TextProject("entities", CATEGORIES, ())
    trained = engine({}).train_texts(texts, project)
    assert (trained.forms, trained.evaluation.method) == (20, "hold-out")
    assert trained.evaluation.texts is not None
    assert trained.evaluation.f1 == trained.evaluation.texts.micro_f1
    new = letter(99)
    found = engine({"m": trained.content or b""}).answer("m", new.text).entities
    assert {(each.category, each.text) for each in found} <= {
        (each.category, new.text[each.offset : each.offset + each.length]) for each in found
    }
    assert {each.category for each in found} == set(CATEGORIES)


@pytest.mark.parametrize("multi_label", [False, True])
def test_what_it_trains_of_classes_tells_them(multi_label: bool) -> None:
    project = TextProject("classes", tuple(topic_names(3)), (), multi_label=multi_label)
    trained = engine({}).train_texts(topic_texts(3, range(12), own=0.6), project)
    (new,) = topic_texts(1, [40], own=0.6)
    classes = engine({"m": trained.content or b""}).answer("m", new.text).classes
    assert classes[0].category == "topic0"
    assert trained.evaluation.f1 is not None


@pytest.mark.parametrize(
    "content", [b"", b"formpipe-fields\n", b"formpipe-entities\n", b"formpipe-classes\nPK"]
)
def test_what_is_no_model_of_texts_is_refused(content: bytes) -> None:
    with pytest.raises(RowError) as caught:
        engine({"m": content}).answer("m", "a text")
    assert caught.value.reason == "model-unreadable"
