"""Frozen records handed between stages. No behaviour beyond what a record knows about itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Literal, NamedTuple

Polygon = tuple[float, float, float, float, float, float, float, float]
"""Four corners (x, y) clockwise from top left, in the unit of the page they lie on."""

MarkState = Literal["selected", "unselected"]
LengthUnit = Literal["inch", "pixel"]
FieldType = Literal[
    "string", "number", "integer", "currency", "date", "time", "phoneNumber", "selectionMark"
]
ModelKind = Literal["form", "entities", "classes"]


class Box(NamedTuple):
    """An upright rectangle; x grows to the right, y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def polygon(self) -> Polygon:
        left, top, right, bottom = self
        return (left, top, right, top, right, bottom, left, bottom)


def bounds(polygon: Polygon) -> Box:
    """The smallest upright box around a polygon."""
    xs, ys = polygon[0::2], polygon[1::2]
    return Box(min(xs), min(ys), max(xs), max(ys))


# --- layout: what a reader finds on the pages of a document -------------------------------------


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    polygon: Polygon
    confidence: float = 1.0

    @property
    def box(self) -> Box:
        return bounds(self.polygon)


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    polygon: Polygon
    words: tuple[Word, ...]

    @property
    def box(self) -> Box:
        return bounds(self.polygon)


@dataclass(frozen=True, slots=True)
class SelectionMark:
    state: MarkState
    polygon: Polygon
    confidence: float = 1.0

    @property
    def box(self) -> Box:
        return bounds(self.polygon)


@dataclass(frozen=True, slots=True)
class TableCell:
    row: int
    column: int
    text: str
    polygon: Polygon
    row_span: int = 1
    column_span: int = 1
    is_header: bool = False
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Table:
    rows: int
    columns: int
    cells: tuple[TableCell, ...]
    polygon: Polygon | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `number` counts from 1 in the document; `used_ocr` says that pixels were read."""

    number: int
    width: float
    height: float
    unit: LengthUnit
    lines: tuple[Line, ...] = ()
    selection_marks: tuple[SelectionMark, ...] = ()
    tables: tuple[Table, ...] = ()
    angle: float = 0.0
    used_ocr: bool = False

    @property
    def words(self) -> Iterator[Word]:
        for line in self.lines:
            yield from line.words


@dataclass(frozen=True, slots=True)
class Layout:
    """The pages that were read. `page_count` is what the document holds, read or not."""

    pages: tuple[Page, ...]
    page_count: int

    @property
    def truncated(self) -> bool:
        return len(self.pages) < self.page_count

    @property
    def text(self) -> str:
        return "\n".join(line.text for page in self.pages for line in page.lines)

    @property
    def ocr_pages(self) -> int:
        return sum(page.used_ocr for page in self.pages)


# --- training set ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """What is known of a field beforehand (`fields.json`, the `form_field` table)."""

    name: str
    type: FieldType = "string"
    format: str = "not-specified"
    required: bool = False
    locale: str | None = None
    min_confidence: float | None = None
    column: str | None = None


@dataclass(frozen=True, slots=True)
class LabelRegion:
    """One word or mark of a labelled value; `polygon` is relative to the page, 0..1."""

    page: int
    text: str
    polygon: Polygon | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """A field's value in a training form. No regions and an empty text: labelled as absent."""

    field: str
    text: str
    regions: tuple[LabelRegion, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelledForm:
    """A training form: its layout and labels. `name` is the blob path, `digest` its content hash."""

    name: str
    layout: Layout
    labels: tuple[Label, ...] = ()
    digest: str = ""


# --- what a model says ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExtractedField:
    """A value found in a document, as text.

    `text` of a selection mark is `selected` or `unselected`. `confidence` is the model's, calibrated;
    `layout_confidence` is the reader's for the words it was taken from. `polygon` is in page units.
    """

    field: str
    text: str
    page: int
    polygon: Polygon | None
    confidence: float
    layout_confidence: float = 1.0
    occurrence: int = 0


@dataclass(frozen=True, slots=True)
class TypedValue:
    """A value in the type of its field; at most one of the value attributes is set.

    `ambiguous` marks a text that reads as two different values (03/04/2020 without a date order);
    such a text gets no value.
    """

    number: Decimal | None = None
    date: date | None = None
    time: time | None = None
    mark: MarkState | None = None
    text: str | None = None
    currency: str | None = None
    ambiguous: bool = False

    @property
    def known(self) -> bool:
        return any(v is not None for v in (self.number, self.date, self.time, self.mark, self.text))


@dataclass(frozen=True, slots=True)
class FieldScore:
    """How well one field is extracted: counts over the documents that were held out."""

    field: str
    correct: int
    predicted: int
    expected: int

    @property
    def precision(self) -> float:
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.correct / self.expected if self.expected else 0.0

    @property
    def f1(self) -> float:
        total = self.predicted + self.expected
        return 2 * self.correct / total if total else 1.0


# --- storage and documents ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Blob:
    """A listed name. `path` is relative to its container; `etag` changes when the content does."""

    path: str
    etag: str
    size: int
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Where a blob lies: storage account (empty for the local folder), container, path, version."""

    account: str
    container: str
    path: str
    etag: str | None = None
