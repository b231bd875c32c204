"""Frozen records handed between stages. No behaviour beyond what a record knows about itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Literal, NamedTuple, TypeAlias

from pipeline.texts import TextEvaluation

Polygon = tuple[float, float, float, float, float, float, float, float]
"""Four corners (x, y) clockwise from top left, in the unit of the page they lie on."""

MarkState = Literal["selected", "unselected"]
LengthUnit = Literal["inch", "pixel"]
FieldType = Literal["string", "number", "integer", "currency", "date", "time", "phoneNumber", "selectionMark"]
ModelKind = Literal["form", "entities", "classes"]

_Date: TypeAlias = date
_Time: TypeAlias = time
"""Fields of these names and types hide them from whoever evaluates the annotations."""


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
    `given` is the value in its type where a service said one beside the text. `offset` and `length` are the
    code points of a document's text that it stands at, None where it was not taken from a running text.
    """

    field: str
    text: str
    page: int
    polygon: Polygon | None
    confidence: float
    layout_confidence: float = 1.0
    occurrence: int = 0
    given: TypedValue | None = None
    offset: int | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True)
class TypedValue:
    """A value in the type of its field; at most one of the value attributes is set.

    `ambiguous` marks a text that reads as two different values (03/04/2020 without a date order);
    such a text gets no value.
    """

    number: Decimal | None = None
    date: _Date | None = None
    time: _Time | None = None
    mark: MarkState | None = None
    text: str | None = None
    currency: str | None = None
    ambiguous: bool = False

    @property
    def known(self) -> bool:
        return (
            self.text is not None
            or self.number is not None
            or self.date is not None
            or self.time is not None
            or self.mark is not None
        )


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


@dataclass(frozen=True, slots=True)
class BacklogDocument:
    """A document of a backlog as the database knows it, ready to be scored. `routed_from`: the id of the
    router's document that it was handed on from. `pages`: the first and last page of its blob that are the
    document, None where it is the whole blob."""

    id: int
    form_type: str
    ref: BlobRef
    size: int
    attempts: int = 0
    routed_from: int | None = None
    pages: tuple[int, int] | None = None


# --- parameter row --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccountNames:
    """Names of the secrets that tell a storage account and how to sign in to it; never values."""

    account: str = "StorageAccountName"
    sas: str = "StorageAccountSasKey"


@dataclass(frozen=True, slots=True)
class SecretNames:
    """Names under which secrets are looked up; never values."""

    endpoint: str = "CognitiveServiceEndpoint"
    key: str = "CognitiveServiceSubscriptionKey"
    training_account: str = "StorageAccountName"
    training_sas: str = "StorageAccountSasKey"
    scoring_account: str = "StorageAccountName"
    scoring_sas: str = "StorageAccountSasKey"

    @property
    def training(self) -> AccountNames:
        return AccountNames(self.training_account, self.training_sas)

    @property
    def scoring(self) -> AccountNames:
        return AccountNames(self.scoring_account, self.scoring_sas)


@dataclass(frozen=True, slots=True)
class FormType:
    """One validated parameter row. Folders end in `/` or are empty (the whole container)."""

    form_type: str
    group: str
    training_container: str
    training_folder: str
    scoring_container: str
    scoring_folder: str
    description: str = ""
    engine: str = "local"
    api_version: str | None = None
    allow_retired: bool = False
    model_kind: ModelKind = "form"
    routes: bool = False
    include_subfolders: bool = False
    use_label_file: bool = True
    evaluation_folder: str | None = None
    output_folder: str | None = None
    model_id: str | None = None
    file_type: str | None = None
    retrain: Literal["on_change", "always", "never"] = "on_change"
    enabled: bool = True
    priority: int = 100
    parallelism: int = 15
    min_confidence: float | None = None
    locale: str | None = None
    max_pages: int | None = None
    max_pages_per_run: int | None = None
    max_cost_per_run: Decimal | None = None
    max_train_runs: int | None = None
    max_attempts: int = 3
    keep_versions: int = 3
    split: Literal["none", "per_page"] = "none"
    sinks: tuple[str, ...] = ("sql",)
    target_table: str | None = None
    schema_contract: Literal["evolve", "freeze", "discard"] = "evolve"
    on_gone: Literal["keep", "remove"] = "keep"
    on_rename: Literal["reuse", "score"] = "reuse"
    confidence_columns: bool = False
    secrets: SecretNames = SecretNames()
    fields: tuple[FieldSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one cell of a parameter row, and how to mend it."""

    row: str
    column: str
    value: str
    allowed: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check of a training folder found. An `error` keeps the row from training."""

    severity: Literal["error", "warning"]
    code: str
    subject: str
    message: str


# --- models -----------------------------------------------------------------------------------------

ModelState = Literal["training", "candidate", "active", "retired", "invalid"]


@dataclass(frozen=True, slots=True)
class FieldOutcome:
    """How one field of one form that was held out came out; no values are kept.

    `form` names the document, `identity` is the hash of its content and labels. `expected`: the labels
    hold a value; `predicted`: the model gave one; `correct`: they are equal.
    """

    form: str
    identity: str
    field: str
    expected: bool
    predicted: bool
    correct: bool
    confidence: float = 0.0

    @property
    def wrong(self) -> bool:
        return (self.expected or self.predicted) and not self.correct


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcomes of forms a model was not trained on, and how they were held out; of a model that a
    service trained, the service's own accuracies by field instead. `texts`: the same of a model of texts in
    the counts that are usual for them."""

    method: Literal["hold-out", "cross-validation", "service", "none"]
    outcomes: tuple[FieldOutcome, ...] = ()
    accuracies: tuple[tuple[str, float], ...] = ()
    texts: TextEvaluation | None = None

    @property
    def f1(self) -> float | None:
        """Micro F1 over the entities or classes of texts, or the fields of forms; None where none was
        measured."""
        if self.texts is not None and self.texts.documents:
            return self.texts.micro_f1
        return self.overall.f1 if self.outcomes else None

    @property
    def fields(self) -> tuple[FieldScore, ...]:
        names = dict.fromkeys(outcome.field for outcome in self.outcomes)
        return tuple(self._score(name, [o for o in self.outcomes if o.field == name]) for name in names)

    @property
    def overall(self) -> FieldScore:
        return self._score("", list(self.outcomes))

    @staticmethod
    def _score(name: str, outcomes: list[FieldOutcome]) -> FieldScore:
        return FieldScore(
            name,
            correct=sum(o.correct for o in outcomes),
            predicted=sum(o.predicted for o in outcomes),
            expected=sum(o.expected for o in outcomes),
        )


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A row of `model_version`: what was trained, from what, and where it stands."""

    id: int
    group: str
    version: int
    engine: str
    api_version: str | None
    model_kind: ModelKind
    service_model_id: str
    fingerprint: str
    state: ModelState
    fields: tuple[FieldSpec, ...] = ()
    evaluation: Evaluation | None = None
    training_documents: int = 0
    reason: str | None = None
    created_at: datetime | None = None
    promoted_at: datetime | None = None
    promoted_by: str | None = None


# --- scoring ----------------------------------------------------------------------------------------

DocumentOutcome = Literal["loaded", "partial", "dead", "gone", "unrouted"]


@dataclass(frozen=True, slots=True)
class ScoredValue:
    """A value found, typed, and whether a person should look at it."""

    found: ExtractedField
    typed: TypedValue
    review: bool


@dataclass(frozen=True, slots=True)
class DocumentResult:
    """How a document ended: its values, or the reason there are none. `model_version_id`: the version that
    found them, where it is not the one the run scores with. `tables`: each with the number of its page.
    `reused_from`: the id of the document whose values it takes over, None where it was read."""

    document: BacklogDocument
    outcome: DocumentOutcome
    reason: str | None = None
    message: str | None = None
    values: tuple[ScoredValue, ...] = ()
    content_hash: str | None = None
    pages: int | None = None
    ocr_pages: int | None = None
    layout_confidence: float | None = None
    seconds: float | None = None
    model_version_id: int | None = None
    tables: tuple[tuple[int, Table], ...] = ()
    reused_from: int | None = None


@dataclass(frozen=True, slots=True)
class SinkItem:
    """A document as a sink beside SQL keeps it, made of JSON values only.

    `fields`: by field, what the typed view shows and where it came from. `parts`: what lies in further
    parts of the document. `digest`: a hash of everything else, by which two items are compared.
    """

    id: str
    partition_key: str
    form_type: str
    account: str
    container: str
    path: str
    content_hash: str | None
    outcome: str
    pages: int | None
    model_version: int | None
    scored_at: str | None
    fields: Mapping[str, Mapping[str, object]]
    parts: tuple[Mapping[str, object], ...] = ()
    digest: str = ""


RowEnd = Literal["finished", "skipped", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class RunRow:
    """What one run did for one form type. `gone`: documents whose blob is no longer there; `reused`: those
    that got the values of the same content under an earlier name; `routed`: documents that a router handed
    on to form types; `unrouted`: those that it was not sure of; `left_over`: those that a limit of the row or
    the run left pending. `cost`: what the service takes for it in US dollars, None where nothing is
    paid."""

    form_type: str
    state: RowEnd
    decision: str | None = None
    listed: int = 0
    loaded: int = 0
    partial: int = 0
    dead: int = 0
    retried: int = 0
    gone: int = 0
    reused: int = 0
    routed: int = 0
    unrouted: int = 0
    left_over: int = 0
    pages: int = 0
    ocr_pages: int = 0
    field_values: int = 0
    cost: Decimal | None = None
    seconds: float = 0.0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """A model fresh from training: its bytes, its fields, and how it did on forms held out. A model that a
    service keeps has no bytes here, but an id of the service's."""

    content: bytes | None
    fields: tuple[FieldSpec, ...]
    evaluation: Evaluation
    forms: int
    model_id: str | None = None
