"""How many of the true key-and-value pairs are found without labels.

    python bench/pairs.py                      # the labelled sets: learned from all forms; one left out
    python bench/pairs.py --demo               # the demo's form types as well: read, train, find
    python bench/pairs.py --demo --layouts DIR # keeps what was read, for the next time

A pair is found when its printed key and its value are both right (case, spacing and punctuation aside).
The truth of a labelled set has no printed keys. For `ms_invoice` they are written down here; elsewhere
a field's key is the one that its right values have most often, and no two fields share one.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.figures import add_record_option, figure, machine_line, record
from pipeline.formats.ocr_json import layout_from_json, layout_to_json
from pipeline.learning.pairs import PairDiscovery
from pipeline.types import ExtractedField, FieldSpec, Layout
from pipeline.values import equal
from pipeline.values.equality import canonical

FORMS = Path(__file__).parents[2] / "shared" / "forms"
SETS = {"ms_invoice": 0.80, "ms_w9": None, "ms_1099": None}
PRINTED_KEYS = {
    "ms_invoice": {
        "Receipt No": "Receipt # No.",
        "Sold To": "Sold To",
        "ID #": "ID#",
        "Live Delivery?": "Live Delivery",
        "Online Delivery?": "Online Delivery (Livestream)",
        "Video Delivery?": "Video Delivery (On Demand)",
    }
}
DEMO_LIMIT = 0.80
TEXT = FieldSpec("value")


@dataclass(frozen=True, slots=True)
class Document:
    name: str
    layout: Layout
    fields: Mapping[str, str]
    keys: Mapping[str, str]
    group: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    document: Document
    pairs: tuple[ExtractedField, ...]

    def has(self, field: str, key: str | None) -> bool:
        value = self.document.fields[field]
        named = [p for p in self.pairs if key is not None and canonical(p.field) == canonical(key)]
        return any(equal(p.text, value, TEXT) for p in named)


def labelled_set(folder: Path) -> list[Document]:
    truth = [json.loads(line) for line in (folder / "truth.jsonl").read_text("utf-8").splitlines()]
    return [
        Document(
            entry["file"],
            layout_from_json(json.loads((folder / f"{entry['file']}.ocr.json").read_text("utf-8"))),
            {name: text for name, text in entry["fields"].items() if text},
            PRINTED_KEYS.get(folder.name, {}),
        )
        for entry in truth
        if (folder / f"{entry['file']}.ocr.json").exists()
    ]


def train_on_all(documents: Sequence[Document]) -> list[Found]:
    model = PairDiscovery().fit([document.layout for document in documents])
    return [Found(document, model.predict(document.layout)) for document in documents]


def leave_one_out(documents: Sequence[Document]) -> list[Found]:
    found = []
    for held_out in documents:
        model = PairDiscovery().fit([d.layout for d in documents if d is not held_out])
        found.append(Found(held_out, model.predict(held_out.layout)))
    return found


def keys_in_use(found: Sequence[Found]) -> dict[str, str]:
    """Field -> key, most agreed first; the written-down key wins."""
    votes: Counter[tuple[str, str]] = Counter()
    for one in found:
        for field, value in one.document.fields.items():
            keys = {canonical(p.field): p.field for p in one.pairs if equal(p.text, value, TEXT)}
            votes.update((field, key) for key in keys.values())
    chosen: dict[str, str] = {}
    for (field, key), _ in sorted(votes.items(), key=lambda item: (-item[1], item[0])):
        if field not in chosen and key not in chosen.values():
            chosen[field] = key
    return chosen


def report(name: str, found: Sequence[Found], limit: float | None, verbose: bool) -> bool:
    inferred = keys_in_use(found)
    hits: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for one in found:
        for field in one.document.fields:
            key = one.document.keys.get(field, inferred.get(field) if not one.document.keys else None)
            hits[field] += one.has(field, key)
            total[field] += 1
            if verbose and not one.has(field, key):
                print(f"   {one.document.name}: {field} ({key}) = {one.document.fields[field]}")
    return figure(f"{name}: pairs found of {total.total()}", hits.total() / max(total.total(), 1), limit)


def demo(folder: Path) -> dict[str, tuple[list[Document], list[Document]]]:
    """The demo's documents by form type, (training, backlog); `folder` keeps the layouts."""
    from pipeline.demo import write_lake

    lake = write_lake(folder / "lake")
    types: dict[str, tuple[list[Document], list[Document]]] = {}
    for line in lake.truth.read_text("utf-8").splitlines():
        entry = json.loads(line)
        layout = _read(lake.root / lake.container / entry["path"], folder / "layouts")
        group = "seen layouts" if entry["seen_layout"] else "unseen layout"
        document = Document(entry["path"], layout, entry["fields"], entry["keys"], group)
        both = types.setdefault(entry["form_type"], ([], []))
        both[entry["folder"] == "backlog"].append(document)
    return types


def _read(path: Path, cache: Path) -> Layout:
    from pipeline.reading.ocr import RapidOcr
    from pipeline.reading.options import ReadOptions
    from pipeline.reading.reader import read_layout

    kept = cache / f"{path.name}.{blake2b(path.read_bytes(), digest_size=8).hexdigest()}.ocr.json"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        layout = read_layout(path.read_bytes(), ReadOptions(), RapidOcr())
        kept.write_text(json.dumps(layout_to_json(layout)), "utf-8")
    return layout_from_json(json.loads(kept.read_text("utf-8")))


def report_demo(folder: Path, verbose: bool) -> Iterable[bool]:
    for form_type, (training, backlog) in demo(folder).items():
        model = PairDiscovery().fit([document.layout for document in training])
        found = [Found(document, model.predict(document.layout)) for document in backlog]
        yield report(f"demo {form_type}", found, DEMO_LIMIT, verbose)
        for group in ("seen layouts", "unseen layout"):
            report(f"  of these {group}", [f for f in found if f.document.group == group], None, False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--set", action="append", type=Path, help="folder of a labelled set (repeatable)")
    parser.add_argument("--demo", action="store_true", help="the demo's form types too")
    parser.add_argument("--layouts", type=Path, help="folder that keeps the demo's documents and layouts")
    parser.add_argument("--misses", action="store_true", help="print the pairs that were not found")
    add_record_option(parser)
    options = parser.parse_args()
    print(machine_line())
    reached = []
    for folder in options.set or [FORMS / name for name in SETS]:
        if (folder / "truth.jsonl").exists():
            documents, limit = labelled_set(folder), SETS.get(folder.name)
            reached.append(report(f"{folder.name}, all forms", train_on_all(documents), limit, False))
            found = leave_one_out(documents)
            reached.append(report(f"{folder.name}, one left out", found, limit, options.misses))
        else:
            print(f"{folder.name}: not on this machine, skipped")
    if options.demo:
        with TemporaryDirectory() as scratch:
            reached.extend(report_demo(options.layouts or Path(scratch), options.misses))
    record(options.record)
    return 0 if all(reached) else 1


if __name__ == "__main__":
    raise SystemExit(main())
