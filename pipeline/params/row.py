"""One row of `form_type` or `form_field`: raw cells in, typed cells and the faults of single cells out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from pipeline.params import shapes
from pipeline.params.columns import ALLOWED, CHOICES
from pipeline.types import FieldSpec, FieldType, FormType, ModelKind, SecretNames

_FILE_TYPE_ALIASES = {
    "image/tif": "image/tiff",
    "image/jpg": "image/jpeg",
    "image/x-ms-bmp": "image/bmp",
    "application/x-pdf": "application/pdf",
}


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("write a number")
    return value


def _names(value: object) -> object:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        raise ValueError("write the names with commas between them")
    return tuple(dict.fromkeys(shapes.text(name).lower() for name in names if name != ""))


def _file_type(value: str) -> str:
    return _FILE_TYPE_ALIASES.get(value.lower(), value.lower())


def _model_id(value: str) -> str | None:
    """Empty is nothing, -1 asks for a new model (and is kept, so that the request is seen)."""
    return value or None if value in shapes.MARKS else shapes.model_id(value)


def _exact(value: object) -> object:
    """A float as it was written: 1.1 is 1.1, not 1.100000000000000088."""
    return str(value) if isinstance(_no_bool(value), float) else value


Text = Annotated[str, BeforeValidator(shapes.text)]
Key = Annotated[Text, AfterValidator(shapes.key)]
Folder = Annotated[Text, AfterValidator(shapes.folder)]
Container = Annotated[Text, AfterValidator(shapes.container)]
SecretName = Annotated[Text, AfterValidator(shapes.secret_name)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), BeforeValidator(_no_bool)]
Whole = Annotated[int, BeforeValidator(_no_bool)]
Limit = Annotated[Whole, Field(ge=1, le=2**31 - 1)]
Money = Annotated[Decimal, Field(ge=0, le=10**12, allow_inf_nan=False), BeforeValidator(_exact)]


class ParameterRow(BaseModel):
    """A row of `form_type`. A cell that is NULL or empty has the default of its column."""

    model_config = ConfigDict(frozen=True)

    form_type: Key = ""
    form_description: Annotated[Text, AfterValidator(shapes.plain)] = ""
    form_batch_group_id: Annotated[Text, AfterValidator(shapes.group)] | None = None
    engine: Text = "local"
    api_version: Text | None = None
    allow_retired: bool = False
    model_kind: ModelKind = "form"
    routes: bool = False
    training_container_name: Container = ""
    training_blob_root_folder: Folder = ""
    include_subfolders: bool = False
    use_label_file: bool = True
    evaluation_blob_folder: Folder | None = None
    scoring_container_name: Container = ""
    scoring_input_blob_folder: Folder = ""
    scoring_output_blob_folder: Folder | None = None
    model_id: Annotated[str | None, BeforeValidator(lambda value: _model_id(shapes.text(value)))] = None
    file_type: Annotated[Text, AfterValidator(_file_type)] | None = None
    retrain: Literal["on_change", "always", "never"] = "on_change"
    enabled: bool = True
    priority: Annotated[Whole, Field(ge=0, le=10_000)] = 100
    parallelism: Annotated[Whole, Field(ge=1, le=1_000)] = 15
    min_confidence: Share | None = None
    locale: Text | None = None
    max_pages: Limit | None = None
    max_pages_per_run: Limit | None = None
    max_cost_per_run: Money | None = None
    max_train_runs: Annotated[Whole, Field(ge=0, le=2**31 - 1)] | None = None
    max_attempts: Annotated[Whole, Field(ge=1, le=100)] = 3
    keep_versions: Annotated[Whole, Field(ge=1, le=1_000)] = 3
    split: Literal["none", "per_page"] = "none"
    sinks: Annotated[tuple[str, ...], BeforeValidator(_names)] = ("sql",)
    target_table: Annotated[Text, AfterValidator(shapes.table_name)] | None = None
    schema_contract: Literal["evolve", "freeze", "discard"] = "evolve"
    on_gone: Literal["keep", "remove"] = "keep"
    on_rename: Literal["reuse", "score"] = "reuse"
    confidence_columns: bool = False
    endpoint_secret: SecretName = SecretNames().endpoint
    key_secret: SecretName = SecretNames().key
    training_storage_account_secret: SecretName = SecretNames().training_account
    training_storage_sas_secret: SecretName = SecretNames().training_sas
    scoring_storage_account_secret: SecretName = SecretNames().scoring_account
    scoring_storage_sas_secret: SecretName = SecretNames().scoring_sas

    @property
    def group(self) -> str:
        return self.form_batch_group_id or self.form_type


class FieldRow(BaseModel):
    """A row of `form_field`."""

    model_config = ConfigDict(frozen=True)

    form_type: Text = ""
    field: Annotated[Text, AfterValidator(shapes.field_name)] = ""
    type: FieldType = "string"
    format: Text = "not-specified"
    required: bool = False
    locale: Text | None = None
    min_confidence: Share | None = None
    target_column: Annotated[Text, AfterValidator(shapes.identifier)] | None = None


Row = TypeVar("Row", ParameterRow, FieldRow)


@dataclass(frozen=True, slots=True)
class Complaint:
    """A fault before it is known of which row: what a column may hold, and how to mend it."""

    column: str
    allowed: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Reading(Generic[Row]):
    """A row as far as it can be read. Cells named in `complaints` hold their default in `row`."""

    raw: Mapping[str, object]
    row: Row
    complaints: tuple[Complaint, ...]

    @property
    def faulty(self) -> frozenset[str]:
        return frozenset(complaint.column for complaint in self.complaints)


def read_row(raw: Mapping[str, object]) -> Reading[ParameterRow]:
    """The cells of one parameter row; columns of any case, unknown ones are complaints."""
    return _read(ParameterRow, raw)


def read_field(raw: Mapping[str, object]) -> Reading[FieldRow]:
    """The cells of one field of a form type."""
    return _read(FieldRow, raw)


def to_form_type(row: ParameterRow, fields: tuple[FieldRow, ...] = ()) -> FormType:
    """The record the stages work with."""
    return FormType(
        form_type=row.form_type,
        group=row.group,
        description=row.form_description,
        training_container=row.training_container_name,
        training_folder=row.training_blob_root_folder,
        evaluation_folder=row.evaluation_blob_folder,
        scoring_container=row.scoring_container_name,
        scoring_folder=row.scoring_input_blob_folder,
        output_folder=row.scoring_output_blob_folder,
        secrets=SecretNames(*(getattr(row, column) for column in _SECRETS)),
        fields=tuple(_spec(field) for field in fields),
        **{column: getattr(row, column) for column in _SAME},
    )


def to_cells(form_type: FormType) -> dict[str, object]:
    """The columns of `form_type` that say the same as the record; the inverse of `to_form_type`."""
    own_group = form_type.group == form_type.form_type
    secrets = form_type.secrets
    cells = {
        **{column: getattr(form_type, column) for column in _SAME},
        "form_type": form_type.form_type,
        "form_description": form_type.description or None,
        "form_batch_group_id": None if own_group else form_type.group,
        "training_container_name": form_type.training_container,
        "training_blob_root_folder": form_type.training_folder,
        "evaluation_blob_folder": _optional(form_type.evaluation_folder),
        "scoring_container_name": form_type.scoring_container,
        "scoring_input_blob_folder": form_type.scoring_folder,
        "scoring_output_blob_folder": _optional(form_type.output_folder),
        "sinks": ",".join(form_type.sinks),
        **{column: getattr(secrets, name) for column, name in _SECRETS.items()},
    }
    return {column: cells[column] for column in ParameterRow.model_fields}


def to_field_cells(form_type: str, spec: FieldSpec) -> dict[str, object]:
    """The columns of `form_field` that say the same as the record."""
    return {
        "form_type": form_type,
        "field": spec.name,
        "type": spec.type,
        "format": spec.format,
        "required": spec.required,
        "locale": spec.locale,
        "min_confidence": spec.min_confidence,
        "target_column": spec.column,
    }


_SECRETS = {
    "endpoint_secret": "endpoint",
    "key_secret": "key",
    "training_storage_account_secret": "training_account",
    "training_storage_sas_secret": "training_sas",
    "scoring_storage_account_secret": "scoring_account",
    "scoring_storage_sas_secret": "scoring_sas",
}
_SAME = tuple(
    name for name in ParameterRow.model_fields if name in FormType.__slots__ and name != "form_type"
)
"""Columns whose name is the attribute's name."""


def _optional(folder: str | None) -> str | None:
    """An optional folder as a cell: an empty cell is none, so the whole container is `/`."""
    return "/" if folder == "" else folder


def _spec(row: FieldRow) -> FieldSpec:
    return FieldSpec(
        name=row.field,
        type=row.type,
        format=row.format,
        required=row.required,
        locale=row.locale,
        min_confidence=row.min_confidence,
        column=row.target_column,
    )


def _read(model: type[Row], raw: Mapping[str, object]) -> Reading[Row]:
    named = {str(column).strip().lower(): value for column, value in raw.items()}
    cells = {column: value for column, value in named.items() if not _blank(value)}
    unknown: tuple[Complaint, ...] = tuple(
        _unknown(column, model.model_fields) for column in named if column not in model.model_fields
    )
    complaints: tuple[Complaint, ...] = _complaints(model, cells)
    wrong = {complaint.column for complaint in complaints}
    row = model.model_validate({column: cell for column, cell in cells.items() if column not in wrong})
    return Reading(named, row, (*unknown, *complaints))


def _complaints(model: type[BaseModel], cells: Mapping[str, object]) -> tuple[Complaint, ...]:
    try:
        model.model_validate(cells)
    except ValidationError as error:
        return tuple({c.column: c for c in map(_complaint, error.errors())}.values())
    return ()


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _unknown(column: str, known: Mapping[str, object]) -> Complaint:
    return Complaint(column, "a column of the table", did_you_mean(column, known) or "remove it")


def _complaint(error: ErrorDetails) -> Complaint:
    column = str(error["loc"][0])
    return Complaint(column, ALLOWED[column], _remedy(column, error))


def _remedy(column: str, error: ErrorDetails) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if column in CHOICES:
        return did_you_mean(error["input"], CHOICES[column]) or "write one of these, or empty the cell"
    if column == "min_confidence":
        return "write a share between 0 and 1"
    return f"write {ALLOWED[column].split(';')[0]}"


def did_you_mean(value: object, choices: Iterable[str], cutoff: float = 0.5) -> str | None:
    """`did you mean 'local'?`, where a choice is near enough."""
    near = shapes.nearest(str(value), choices, cutoff)
    return f"did you mean {near!r}?" if near else None
