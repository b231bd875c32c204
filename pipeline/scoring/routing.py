"""Where a router's document goes. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from pipeline.db.routing import UNKNOWN, Leg
from pipeline.db.text_labels import TextLabel
from pipeline.texts import CLASS, CLASSES
from pipeline.types import BlobRef, DocumentResult, ScoredValue

Place = tuple[str, str, str]
Pages = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Router:
    """What a router hands on. `targets`: the form types that a class can name; `labels`: what persons said,
    by the place of the blob."""

    targets: frozenset[str]
    min_confidence: float
    per_page: bool = False
    labels: Mapping[Place, tuple[TextLabel, ...]] = field(default_factory=dict)

    def said_of(self, ref: BlobRef) -> tuple[TextLabel, ...]:
        """What persons said of this content of a blob, and still names a form type."""
        said = self.labels.get(place_of(ref), ())
        return tuple(each for each in said if each.ref.etag == ref.etag and each.category in self.targets)

    def sure(self, value: ScoredValue | None) -> str | None:
        """The form type that a class names beyond doubt."""
        if value is None or value.found.confidence < self.min_confidence:
            return None
        return value.found.text if value.found.text in self.targets else None


@dataclass(frozen=True, slots=True)
class Decision:
    """How a router's document ends, and where it goes."""

    result: DocumentResult
    legs: tuple[Leg, ...] = ()


def labels_by_place(labels: Iterable[TextLabel]) -> dict[Place, tuple[TextLabel, ...]]:
    found: dict[Place, tuple[TextLabel, ...]] = {}
    for label in labels:
        key = place_of(label.ref)
        found[key] = (*found.get(key, ()), label)
    return found


def place_of(ref: BlobRef) -> Place:
    return (ref.account, ref.container, ref.path)


def route(result: DocumentResult, router: Router) -> Decision:
    """What a person said of the content wins; else the class, where the model is sure of one that is a form
    type. The others end `unrouted`, with the reason. A blob that is gone goes nowhere."""
    if result.outcome == "gone":
        return Decision(result)
    said = router.said_of(result.document.ref)
    whole = next((label for label in said if label.pages is None), None)
    legs = (Leg(whole.category),) if whole else ()
    if result.outcome == "dead":
        return Decision(result, legs)
    if legs:
        return _handed_on(result, legs)
    if router.per_page or said:
        return _by_page(result, router, said)
    best = _best(_classes(result.values))
    target = router.sure(best)
    return _handed_on(result, (Leg(target),)) if target else _unrouted(result, *_why(best, router))


def _handed_on(result: DocumentResult, legs: tuple[Leg, ...]) -> Decision:
    """`partial` stays where pages were not read: nobody knows what is on them. Nobody is asked about its
    classes any more, and what else it might have been is not kept."""
    result = replace(result, values=tuple(replace(each, review=False) for each in _told(result.values)))
    if result.reason == "truncated":
        return Decision(result, legs)
    return Decision(replace(result, outcome="loaded", reason=None, message=None), legs)


def _told(values: Sequence[ScoredValue]) -> Iterator[ScoredValue]:
    """All classes of a multi-label model, the likeliest one of a page of any other."""
    likeliest = _by_number(_classes(values)).values()
    multi = any(value.found.field == CLASSES for value in values)
    return (each for each in values if multi or each.found.field != CLASS or each in likeliest)


def _unrouted(result: DocumentResult, reason: str, message: str, legs: tuple[Leg, ...] = ()) -> Decision:
    return Decision(replace(result, outcome="unrouted", reason=reason, message=message), legs)


def _why(best: ScoredValue | None, router: Router) -> tuple[str, str]:
    if best is None:
        return "no-class", "the router found no class: there may be no text to read"
    name, confidence = best.found.text, best.found.confidence
    if name not in router.targets:
        return UNKNOWN, f"{name} ({confidence:.2f}) is no form type that is on"
    return (
        "not-sure",
        f"{name} ({confidence:.2f}) is under the router's min_confidence {router.min_confidence:.2f}",
    )


def _classes(values: Sequence[ScoredValue]) -> list[ScoredValue]:
    return [value for value in values if value.found.field == CLASS]


def _best(classes: Sequence[ScoredValue]) -> ScoredValue | None:
    return max(classes, key=lambda value: value.found.confidence, default=None)


# --- page by page ---------------------------------------------------------------------------------------


def _by_page(result: DocumentResult, router: Router, said: Sequence[TextLabel]) -> Decision:
    """Each stretch of pages of one form type is a document; so is each that a person named. A page without a
    class (a blank back) belongs to those before it."""
    pages = result.pages or 0
    named = {page: label for label in said for page in _range(label.pages)}
    found = _filled(_by_number(_classes(result.values)), pages)
    answers: list[tuple[int, object, str | None]] = []
    for page in range(1, pages + 1):
        label = named.get(page)
        target = label.category if label else router.sure(found.get(page))
        answers.append((page, label, target))
    stretches = list(_stretches(answers))
    legs = tuple(Leg(target, span) for span, target in stretches if target)
    open_pages = [span for span, target in stretches if target is None]
    if not open_pages and len(legs) == 1:
        return _handed_on(result, (Leg(legs[0].form_type),))
    if not open_pages and legs:
        return _handed_on(result, legs)
    if not legs:
        return _unrouted(result, *_why(_best(list(found.values())), router))
    told = ", ".join(span_text(span) for span in open_pages)
    return _unrouted(result, "pages-unrouted", f"of no form type beyond doubt: pages {told}", legs)


def _range(pages: Pages | None) -> range:
    return range(0) if pages is None else range(pages[0], pages[1] + 1)


def _by_number(classes: Sequence[ScoredValue]) -> dict[int, ScoredValue]:
    """The best class of each page that has one."""
    ordered = sorted(classes, key=lambda value: (value.found.page, -value.found.confidence))
    return {page: next(iter(some)) for page, some in groupby(ordered, key=lambda value: value.found.page)}


def _filled(found: Mapping[int, ScoredValue], pages: int) -> dict[int, ScoredValue]:
    filled: dict[int, ScoredValue] = {}
    last: ScoredValue | None = None
    for page in range(1, pages + 1):
        last = found.get(page, last)
        if last is not None:
            filled[page] = last
    return filled


def _stretches(
    answers: Iterable[tuple[int, object, str | None]],
) -> Iterator[tuple[Pages, str | None]]:
    """First and last page of each run of pages with the same label or, where there is none, the same form
    type."""
    for (_, target), some in groupby(answers, key=lambda answer: (answer[1], answer[2])):
        numbers = [page for page, _, _ in some]
        yield (numbers[0], numbers[-1]), target


def span_text(pages: Pages) -> str:
    return str(pages[0]) if pages[0] == pages[1] else f"{pages[0]}-{pages[1]}"
