"""Offsets in a text: the services' units (`stringIndexType`) <-> code points, as Python counts.

Text elements are the extended grapheme clusters of Unicode 8 (UAX 29, revision 27), which is what
`TextElements_v8` names: pictures joined by ZWJ and skin tones are elements of their own there.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.formats.text_elements import boundaries
from pipeline.texts import IndexType, LabelledSpan, LabelledText, ProjectDocument
from pipeline.types import Finding

Points = NDArray[np.int64]

_CUT = -1
_UNITS = {
    "Utf16CodeUnit": "UTF-16 code units",
    "UnicodeCodePoint": "code points",
    "TextElements_v8": "text elements",
}
_BEYOND = re.compile("[\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Offsets:
    """Both ways between units and code points of one text. `length` is its length in units.

    None of the two tables is there where both count alike.
    """

    length: int
    code_points: int
    to_points: Points | None = None
    to_units: Points | None = None

    def point(self, unit: int) -> int | None:
        """The code point at an offset in units (or the end of the text); None where that lies outside the
        text or within a character."""
        if not 0 <= unit <= self.length:
            return None
        if self.to_points is None:
            return unit
        point = int(self.to_points[unit])
        return None if point == _CUT else point

    def unit(self, point: int) -> int:
        """The offset in units of a code point (0 to the number of them); of one inside a text element, that
        of the element. Raises IndexError outside the text."""
        if not 0 <= point <= self.code_points:
            raise IndexError(f"code point {point} of a text of {self.code_points}")
        return point if self.to_units is None else int(self.to_units[point])

    def points(self, offset: int, length: int) -> tuple[int, int] | None:
        """Offset and length in code points of a stretch in units; None where an end is no character's."""
        start, end = self.point(offset), self.point(offset + length)
        return None if start is None or end is None else (start, end - start)

    def units(self, offset: int, length: int) -> tuple[int, int]:
        """Offset and length in units of a stretch in code points."""
        start = self.unit(offset)
        return start, self.unit(offset + length) - start


def offsets(text: str, index_type: IndexType) -> Offsets:
    """How `text` counts in the units of `index_type`."""
    if index_type == "TextElements_v8":
        return _of_elements(text)
    if index_type == "UnicodeCodePoint" or not _BEYOND.search(text):
        return Offsets(len(text), len(text))
    return _of_utf16(text)


def _of_utf16(text: str) -> Offsets:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    to_units = np.concatenate([[0], np.cumsum(1 + (codes > 0xFFFF))]).astype(np.int64)
    to_points = np.full(int(to_units[-1]) + 1, _CUT, dtype=np.int64)
    to_points[to_units] = np.arange(len(to_units))
    return Offsets(int(to_units[-1]), len(text), to_points, to_units)


def _of_elements(text: str) -> Offsets:
    to_points = np.array(boundaries(text), dtype=np.int64)
    to_units = np.searchsorted(to_points, np.arange(len(text) + 1), side="right") - 1
    return Offsets(len(to_points) - 1, len(text), to_points, to_units.astype(np.int64))


# --- labels ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Label:
    """A label as the file has it, its number there, and its place in code points."""

    number: int
    given: LabelledSpan
    span: LabelledSpan

    @property
    def end(self) -> int:
        return self.span.offset + self.span.length


def aligned(
    document: ProjectDocument, text: str, index_type: IndexType
) -> tuple[LabelledText, tuple[Finding, ...]]:
    """The document with its text, its spans in code points and in their order; and a finding for each span
    that is left out: outside the text, empty, cutting a character in half, or overlapping one before it."""
    count = offsets(text, index_type)
    findings: list[Finding] = []
    placed: list[_Label] = []
    for number, span in enumerate(document.spans, 1):
        points = count.points(span.offset, span.length) if span.length > 0 else None
        if points is None:
            fault = _fault(span, count, _UNITS[index_type])
            findings.append(_finding(document.location, number, span, *fault))
        else:
            placed.append(_Label(number, span, LabelledSpan(span.category, *points)))
    kept, crossed = _apart(placed)
    told = "label-overlaps", "overlaps one that begins before it"
    findings += [_finding(document.location, label.number, label.given, *told) for label in crossed]
    spans = tuple(label.span for label in kept)
    digest = _digest(text, spans, document.classes)
    labelled = LabelledText(document.location, text, spans, document.classes, document.dataset, digest)
    return labelled, tuple(findings)


def _fault(span: LabelledSpan, count: Offsets, unit: str) -> tuple[str, str]:
    if span.length <= 0:
        return "label-empty", "is empty"
    if span.offset < 0 or span.offset + span.length > count.length:
        return "label-outside-text", f"lies outside the text, which has {count.length} {unit}"
    return "label-cuts-character", f"begins or ends within a character (offsets count {unit})"


def _apart(labels: Iterable[_Label]) -> tuple[list[_Label], list[_Label]]:
    """Labels in their order in the text that do not overlap, and those that overlap one before them."""
    kept: list[_Label] = []
    crossed: list[_Label] = []
    for label in sorted(labels, key=lambda label: (label.span.offset, label.span.length)):
        free = not kept or label.span.offset >= kept[-1].end
        (kept if free else crossed).append(label)
    return kept, crossed


def _finding(location: str, number: int, span: LabelledSpan, code: str, told: str) -> Finding:
    message = (
        f"Label {number} ({span.category}, offset {span.offset}, length {span.length}) {told}: "
        "it is left out; label the document again."
    )
    return Finding("warning", code, location, message)


def _digest(text: str, spans: Iterable[LabelledSpan], classes: Iterable[str]) -> str:
    """The hash of content and labels."""
    labels = [[span.category, span.offset, span.length] for span in spans]
    return hashlib.sha256(json.dumps([text, labels, sorted(classes)]).encode()).hexdigest()
