"""The local engine: reads documents and trains models on this machine, with no account and no network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from pipeline.engines.layouts import LayoutReader
from pipeline.engines.text_models import answer_of, open_text_model, train_texts
from pipeline.errors import RowError
from pipeline.learning.extractor import FieldExtractor
from pipeline.learning.pairs import PairDiscovery
from pipeline.learning.validation import validate
from pipeline.texts import LabelledText, TextAnswer, TextProject
from pipeline.types import Evaluation, ExtractedField, FieldSpec, LabelledForm, Layout, Trained

_LABELLED = b"formpipe-fields\n"
_DISCOVERED = b"formpipe-pairs\n"
_MODELS_KEPT = 4


class LocalEngine(LayoutReader):
    """`bundles` gives the bytes of a model by its id. One engine belongs to one worker process."""

    def __init__(self, bundles: Callable[[str], bytes], *, dpi: int = 150, seed: int = 0) -> None:
        super().__init__(dpi=dpi)
        self._seed = seed
        self._model = lru_cache(maxsize=_MODELS_KEPT)(lambda model_id: open_model(bundles(model_id)))
        self._text_model = lru_cache(maxsize=_MODELS_KEPT)(
            lambda model_id: open_text_model(bundles(model_id))
        )

    def train(self, forms: Sequence[LabelledForm], fields: Sequence[FieldSpec], *, labels: bool) -> Trained:
        return self._train_labelled(forms, fields) if labels else self._discover(forms, fields)

    def extract(self, model_id: str, layout: Layout) -> tuple[ExtractedField, ...]:
        return self._model(model_id).predict(layout)

    def train_texts(self, texts: Sequence[LabelledText], project: TextProject) -> Trained:
        return train_texts(texts, project, self._seed)

    def answer(self, model_id: str, text: str) -> TextAnswer:
        return answer_of(self._text_model(model_id), text)

    def _train_labelled(self, forms: Sequence[LabelledForm], fields: Sequence[FieldSpec]) -> Trained:
        labelled = [form for form in forms if form.labels]
        model, evaluation = validate(labelled, fields, self._seed)
        return Trained(_LABELLED + model.to_bytes(), tuple(fields), evaluation, len(labelled))

    def _discover(self, forms: Sequence[LabelledForm], fields: Sequence[FieldSpec]) -> Trained:
        model = PairDiscovery(seed=self._seed).fit([form.layout for form in forms])
        if not model.keys_:
            raise RowError(
                "no key recurs across these forms: add forms, or label them and set use_label_file",
                reason="untrainable",
            )
        known = {spec.name: spec for spec in fields}
        found = tuple(known.get(key) or FieldSpec(key) for key in model.keys_)
        return Trained(_DISCOVERED + model.to_bytes(), found, Evaluation("none"), len(forms))


def open_model(content: bytes) -> FieldExtractor | PairDiscovery:
    """The model in a bundle. Raises RowError (`model-unreadable`) for anything this release did not write."""
    if content.startswith(_LABELLED):
        return FieldExtractor.from_bytes(content.removeprefix(_LABELLED))
    if content.startswith(_DISCOVERED):
        return PairDiscovery.from_bytes(content.removeprefix(_DISCOVERED))
    raise RowError("this is not a model of formpipe: train it again", reason="model-unreadable")
