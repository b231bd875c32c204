"""How well fields are extracted: precision, recall and F1 per field and overall, beside the floors.

    python bench/accuracy.py --set ../shared/forms/adbuy
    python bench/accuracy.py --set ../shared/forms/sroie --train-sizes 50,500 --seeds 0
    python bench/accuracy.py --set ../shared/forms/ms_w9 --read

A set with `train.txt` and `valid.txt` is learned from samples of the first and measured on the second;
any other is measured by leaving out one PDF at a time, its images (handwritten scans) shown apart.
Layouts are the `.ocr.json` files or, with `--read`, what is read from the documents. A set of labelled
texts (a project file of the Language service) is measured by its entities or classes. `--strict` ends
with exit code 1 where a floor is missed. Truth is `truth.jsonl`, compared as values.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bench.accuracy_of_texts import kind_of_texts, measure
from bench.figures import add_record_option, figure, heading, machine_line, record
from pipeline.errors import DocumentError
from pipeline.formats.fields_json import fields_from_json
from pipeline.formats.labels_json import labels_from_json
from pipeline.formats.ocr_json import layout_from_json
from pipeline.learning.extractor import FieldExtractor
from pipeline.types import ExtractedField, FieldScore, FieldSpec, LabelledForm, Layout
from pipeline.values import equal

FLOORS: Mapping[tuple[str, int], float] = {
    ("ms_invoice", 0): 0.98,
    ("ms_w9", 0): 0.97,
    ("ms_1099", 0): 0.86,
    ("adbuy", 10): 0.80,
    ("adbuy", 50): 0.89,
    ("adbuy", 185): 0.915,
    ("sroie", 50): 0.86,
    ("sroie", 500): 0.935,
}
TYPES: Mapping[str, FieldSpec] = {
    "flight_from": FieldSpec("flight_from", "date", locale="en-US"),
    "flight_to": FieldSpec("flight_to", "date", locale="en-US"),
    "gross_amount": FieldSpec("gross_amount", "currency", locale="en-US"),
    "date": FieldSpec("date", "date", "dmy", locale="en-MY"),
    "total": FieldSpec("total", "currency", locale="en-MY"),
}
SIZES = {"adbuy": "10,50,185", "sroie": "50,500"}
MOST_CPU_SECONDS, LEAST_PER_SECOND, MOST_MEGABYTES = 60.0, 30.0, 5.0
SURE, SURE_RIGHT, SURE_SHARE = 0.9, 0.95, 0.60


@dataclass(frozen=True, slots=True)
class FormSet:
    """`forms` and `truth` by file name."""

    name: str
    fields: tuple[FieldSpec, ...]
    forms: Mapping[str, LabelledForm]
    truth: Mapping[str, Mapping[str, str]]
    train: tuple[str, ...] = ()
    valid: tuple[str, ...] = ()


@dataclass(slots=True)
class Tally:
    """Counts per field, the same as verbatim strings, and each given value's confidence and whether right."""

    fields: Sequence[FieldSpec]
    counts: dict[str, list[int]] = field(default_factory=dict)
    verbatim: int = 0
    given: list[tuple[float, bool]] = field(default_factory=list)

    def add(self, truth: Mapping[str, str], found: Sequence[ExtractedField]) -> None:
        by_name = {each.field: each for each in found}
        for spec in self.fields:
            wanted, got = truth.get(spec.name) or None, by_name.get(spec.name)
            right = bool(got and wanted and equal(got.text, wanted, spec, mode="comparison"))
            tally = self.counts.setdefault(spec.name, [0, 0, 0])
            for position, one in enumerate((right, got is not None, wanted is not None)):
                tally[position] += one
            self.verbatim += bool(got and got.text == wanted)
            if got:
                self.given.append((got.confidence, right))

    def score(self, name: str) -> FieldScore:
        return FieldScore(name, *self.counts.get(name, (0, 0, 0)))

    def total(self) -> FieldScore:
        columns = zip(*self.counts.values(), strict=True)
        return FieldScore("overall", *(sum(column) for column in columns))

    def strict_f1(self) -> float:
        total = self.total()
        return FieldScore("", self.verbatim, total.predicted, total.expected).f1


@dataclass(frozen=True, slots=True)
class Cost:
    train_seconds: float
    documents_per_second: float
    megabytes: float


def load(folder: Path, layouts: Mapping[str, Layout] | None) -> FormSet:
    """The set in `folder`; `layouts` replace the `.ocr.json` files where given."""
    lines = [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines() if line]
    truth = {line["file"]: line["fields"] for line in lines}
    forms = {}
    for name in truth:
        if layouts is not None and name not in layouts:
            continue
        layout = layouts[name] if layouts is not None else _stored(folder, name)
        labels = folder / f"{name}.labels.json"
        found = labels_from_json(labels.read_bytes()) if labels.exists() else ()
        forms[name] = LabelledForm(name, layout, found, name)
    train, valid = (
        tuple(n for n in _names(folder / f"{part}.txt") if n in forms) for part in ("train", "valid")
    )
    return FormSet(folder.name, _fields(folder, truth), forms, truth, train, valid)


def _stored(folder: Path, name: str) -> Layout:
    return layout_from_json(json.loads((folder / f"{name}.ocr.json").read_bytes()))


def _names(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def _fields(folder: Path, truth: Mapping[str, Mapping[str, str]]) -> tuple[FieldSpec, ...]:
    listed = folder / "fields.json"
    if listed.exists():
        return fields_from_json(listed.read_bytes())
    names = dict.fromkeys(name for fields in truth.values() for name in fields)
    return tuple(TYPES.get(name, FieldSpec(name)) for name in names)


def read_documents(folder: Path) -> dict[str, Layout]:
    """Layouts read from the documents themselves; those that are not here or cannot be read are left out."""
    from pipeline.reading.ocr import RapidOcr
    from pipeline.reading.options import ReadOptions
    from pipeline.reading.reader import read_layout

    recognizer, layouts = RapidOcr(), {}
    for line in (folder / "truth.jsonl").read_text().splitlines():
        document = folder / json.loads(line)["file"]
        if not document.exists():
            continue
        try:
            layouts[document.name] = read_layout(document.read_bytes(), ReadOptions(), recognizer)
        except DocumentError as error:
            print(f"not read: {document.name} ({error.reason})")
    return layouts


def leave_one_out(forms: FormSet, seed: int) -> tuple[Tally, Tally]:
    """Tallies of the PDFs, each by a model of the others, and of the images by a model of all PDFs."""
    documents = [name for name in forms.forms if name.endswith(".pdf")]
    printed, scanned = Tally(forms.fields), Tally(forms.fields)
    for name in documents:
        rest = [forms.forms[other] for other in documents if other != name]
        extractor = FieldExtractor(seed).fit(rest, forms.fields)
        printed.add(forms.truth[name], extractor.predict(forms.forms[name].layout))
    images = [name for name in forms.forms if name not in documents]
    if images:
        extractor = FieldExtractor(seed).fit([forms.forms[name] for name in documents], forms.fields)
        for name in images:
            scanned.add(forms.truth[name], extractor.predict(forms.forms[name].layout))
    return printed, scanned


def train_and_test(forms: FormSet, size: int, seed: int) -> tuple[Tally, Cost]:
    """Learn from `size` forms drawn by `seed`; predict the validation forms by the stored model."""
    names = list(forms.train)
    if size < len(names):
        names = random.Random(seed).sample(names, size)
    started = time.process_time()
    data = FieldExtractor(seed).fit([forms.forms[name] for name in names], forms.fields).to_bytes()
    trained = time.process_time()
    extractor = FieldExtractor.from_bytes(data)
    begun = time.process_time()
    found = {name: extractor.predict(forms.forms[name].layout) for name in forms.valid}
    ended = time.process_time()
    tally = Tally(forms.fields)
    for name, fields in found.items():
        tally.add(forms.truth[name], fields)
    rate = len(forms.valid) / max(ended - begun, 1e-9)
    return tally, Cost(trained - started, rate, len(data) / 1e6)


def show(tallies: Sequence[Tally], title: str, floor: float | None) -> bool:
    """Print the means over the seeds; whether the floor is reached."""
    heading(title)
    print(f"  {'field':<36}{'precision':>10}{'recall':>10}{'F1':>10}")
    for name in [spec.name for spec in tallies[0].fields] + ["overall"]:
        scores = [tally.total() if name == "overall" else tally.score(name) for tally in tallies]
        means = [_mean(getattr(score, what) for score in scores) for what in ("precision", "recall", "f1")]
        print(f"  {name:<36}" + "".join(f"{mean:>10.4f}" for mean in means))
    figure("strict string equality, F1", _mean(tally.strict_f1() for tally in tallies))
    return figure("micro F1 on values", _mean(tally.total().f1 for tally in tallies), floor)


def show_calibration(tallies: Sequence[Tally], judged: bool) -> bool:
    given = [answer for tally in tallies for answer in tally.given]
    sure = [right for confidence, right in given if confidence >= SURE]
    right = figure("right of values given at 0.9 or more", _mean(sure), SURE_RIGHT if judged else None)
    share = figure(
        "their share of all values given", len(sure) / max(len(given), 1), SURE_SHARE if judged else None
    )
    return right and share


def show_cost(costs: Sequence[Cost], judged: bool) -> bool:
    """Print the means of the costs; whether their limits are kept."""
    seconds, rate, size = (
        _mean(getattr(cost, name) for cost in costs)
        for name in ("train_seconds", "documents_per_second", "megabytes")
    )
    most_seconds = MOST_CPU_SECONDS if judged else None
    kept = [
        figure("training", seconds, most_seconds, "CPU s", at_most=True),
        figure("model", size, MOST_MEGABYTES, "MB", at_most=True),
        figure("predicted from layouts", rate, LEAST_PER_SECOND, "documents/s"),
    ]
    return all(kept)


def _mean(values: Iterable[float]) -> float:
    collected = list(values)
    return float(np.mean(collected)) if collected else 0.0


def main() -> int:
    options = _options()
    print(machine_line())
    folder = options.set.resolve()
    if kind := kind_of_texts(folder):
        with threadpool_limits(limits=1):
            reached = measure(folder, kind, [int(seed) for seed in options.seeds.split(",")])
        record(options.record)
        return int(options.strict and not reached)
    forms = load(folder, read_documents(folder) if options.read else None)
    source = "read from the documents" if options.read else "from .ocr.json"
    print(f"{forms.name}: {len(forms.forms)} documents, layouts {source}, seeds {options.seeds}")
    seeds = [int(seed) for seed in options.seeds.split(",")]
    with threadpool_limits(limits=1):
        reached = _by_size(forms, seeds, options) if forms.valid else _one_by_one(forms, seeds)
    record(options.record)
    return int(options.strict and not reached)


def _one_by_one(forms: FormSet, seeds: Sequence[int]) -> bool:
    pairs = [leave_one_out(forms, seed) for seed in seeds]
    reached = show([printed for printed, _ in pairs], "leave one out, PDFs", FLOORS.get((forms.name, 0)))
    if pairs[0][1].counts:
        show([scanned for _, scanned in pairs], "handwritten scans, learned from the PDFs", None)
    return reached


def _by_size(forms: FormSet, seeds: Sequence[int], options: argparse.Namespace) -> bool:
    reached = True
    for size in map(int, (options.train_sizes or SIZES.get(forms.name, "10,50")).split(",")):
        runs = [train_and_test(forms, size, seed) for seed in seeds]
        tallies, costs = [tally for tally, _ in runs], [cost for _, cost in runs]
        title = f"{size} training forms, {len(forms.valid)} validation forms"
        reached &= show(tallies, title, FLOORS.get((forms.name, size)))
        judged = (forms.name, size) == ("adbuy", 185)
        reached &= show_calibration(tallies, judged)
        reached &= show_cost(costs, judged)
    return reached


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", type=Path, required=True, metavar="DIR")
    parser.add_argument("--train-sizes", default="", metavar="10,50,185")
    parser.add_argument("--seeds", default="0,1,2", metavar="0,1,2")
    parser.add_argument("--read", action="store_true", help="read the documents instead of .ocr.json")
    parser.add_argument("--strict", action="store_true", help="exit code 1 where a floor is missed")
    add_record_option(parser)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
