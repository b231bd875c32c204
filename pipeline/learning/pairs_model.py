"""What is learned of each layout, and its file: JSON with a version tag."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.errors import RowError
from pipeline.learning.pairs_keys import Key
from pipeline.learning.pairs_print import Context, Print
from pipeline.learning.pairs_slots import Side

FORMAT = "formpipe-pairs"
VERSION = 1


@dataclass(frozen=True, slots=True)
class LearnedLayout:
    """One layout: its print, keys and constants (`learn_keys`), on which side of its boxes labels stand."""

    printed: Print
    keys: tuple[Key, ...]
    constants: dict[str, str]
    tick_side: Side
    tick_keys: dict[str, str]
    """Comparable form -> text of the labels of boxes."""


def key_texts(layouts: Iterable[LearnedLayout]) -> dict[str, str]:
    """Comparable form -> text, for every learned key: the spelling that most training pages print."""
    spellings: dict[str, Counter[str]] = {}
    for layout in layouts:
        for key in layout.keys:
            spellings.setdefault(key.form, Counter())[key.text] += key.pages
        for form, text in layout.tick_keys.items():
            spellings.setdefault(form, Counter())[text] += layout.printed.pages
    return {form: most_common(texts) for form, texts in spellings.items()}


def most_common(texts: Counter[str]) -> str:
    return min(texts, key=lambda text: (-texts[text], text))


def encode(layouts: Sequence[LearnedLayout]) -> bytes:
    body = {"format": FORMAT, "version": VERSION, "layouts": [_to_json(layout) for layout in layouts]}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def decode(body: bytes) -> tuple[LearnedLayout, ...]:
    """Raises `RowError` (`model-unreadable`) for anything that `encode` of this version did not write."""
    try:
        content = json.loads(body)
        if (content["format"], content["version"]) != (FORMAT, VERSION):
            raise ValueError("another format or version")
        return tuple(_from_json(item) for item in content["layouts"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RowError(
            f"These bytes are no key-value model of version {VERSION}: train the form type again.",
            reason="model-unreadable",
        ) from error


def _to_json(layout: LearnedLayout) -> dict[str, Any]:
    found = layout.printed
    return {
        "pages": found.pages,
        "before": sorted(found.before),
        "after": sorted(found.after),
        "features": found.features,
        "keys": [asdict(key) for key in layout.keys],
        "constants": layout.constants,
        "tick_side": layout.tick_side,
        "tick_keys": layout.tick_keys,
    }


def _from_json(item: Mapping[str, Any]) -> LearnedLayout:
    return LearnedLayout(
        printed=Print(
            int(item["pages"]),
            _contexts(item["before"]),
            _contexts(item["after"]),
            {str(name): float(share) for name, share in item["features"].items()},
        ),
        keys=tuple(_key(key) for key in item["keys"]),
        constants=_texts(item["constants"]),
        tick_side=_one_of(item["tick_side"], ("right", "left", "above")),
        tick_keys=_texts(item["tick_keys"]),
    )


def _contexts(items: Iterable[Sequence[str]]) -> frozenset[Context]:
    return frozenset((str(first), str(second)) for first, second in items)


def _texts(item: Mapping[str, Any]) -> dict[str, str]:
    return {str(form): str(text) for form, text in item.items()}


def _key(item: Mapping[str, Any]) -> Key:
    return Key(
        form=str(item["form"]),
        text=str(item["text"]),
        direction=_one_of(item["direction"], ("right", "below")),
        left=_spread(item["left"]),
        right=_spread(item["right"]),
        top=_spread(item["top"]),
        seen=int(item["seen"]),
        pages=int(item["pages"]),
    )


def _spread(item: Sequence[float]) -> tuple[float, float]:
    middle, spread = item
    return float(middle), float(spread)


def _one_of(value: object, allowed: tuple[Any, ...]) -> Any:
    if value not in allowed:
        raise ValueError("unknown direction")
    return value
