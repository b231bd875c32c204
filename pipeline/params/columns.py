"""What stands in each column, in words for a person: faults, help texts and docs/parameters.md agree."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pipeline.db import tables

FILE_TYPES = ("application/pdf", "image/jpeg", "image/png", "image/bmp", "image/tiff")
FIELD_TYPES = tables.FIELD_TYPES
FIELD_FORMATS = tables.FIELD_FORMATS

CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "model_kind": tables.MODEL_KINDS,
        "retrain": tables.RETRAIN,
        "split": tables.SPLITS,
        "schema_contract": tables.SCHEMA_CONTRACTS,
        "on_gone": tables.GONE_POLICIES,
        "on_rename": tables.RENAME_POLICIES,
        "file_type": FILE_TYPES,
        "type": FIELD_TYPES,
        "format": FIELD_FORMATS,
    }
)
"""Columns of `form_type` and `form_field` that hold one of a few words."""

_CONTAINER = "3 to 63 lower-case letters, digits and single '-'"
_FOLDER = "a folder inside the container: relative, separated by '/'; empty is the whole container"
_SECRET = "the name of a secret: letters, digits, '-' and '_', 127 at most"
_IDENTIFIER = "letters, digits and '_', not starting with a digit, 128 at most"
_BOOLEAN = "true or false"

_ALLOWED = {
    "form_type": "a-z, 0-9 and '_', starting with a letter, 40 at most, no '__'",
    "form_description": "free text",
    "form_batch_group_id": "letters, digits, '-' and '_', 40 at most; empty is the row's own key",
    "engine": ", ".join(tables.ENGINES),
    "api_version": "a version of the engine; empty for local",
    "allow_retired": _BOOLEAN,
    "routes": _BOOLEAN,
    "training_container_name": _CONTAINER,
    "training_blob_root_folder": _FOLDER,
    "include_subfolders": _BOOLEAN,
    "use_label_file": _BOOLEAN,
    "evaluation_blob_folder": "a folder of the training container; empty is none",
    "scoring_container_name": _CONTAINER,
    "scoring_input_blob_folder": _FOLDER,
    "scoring_output_blob_folder": "a folder of the scoring container; empty is none",
    "model_id": "empty or -1 (make one), or the id of a model",
    "enabled": _BOOLEAN,
    "priority": "a whole number from 0 to 10000; lower goes first",
    "parallelism": "a whole number from 1 to 1000",
    "min_confidence": "a number from 0 to 1; empty is the setting of the machine",
    "locale": "a locale of the CLDR: en-US, de, zh-Hans-CN; empty is none",
    "max_pages": "a whole number from 1 on; empty is the setting of the machine",
    "max_pages_per_run": "a whole number from 1 on; empty is no limit",
    "max_cost_per_run": "an amount from 0 on; empty is no limit",
    "max_train_runs": "a whole number from 0 on; empty is no limit",
    "max_attempts": "a whole number from 1 to 100",
    "keep_versions": "a whole number from 1 to 1000",
    "sinks": "sql, cosmos and jsonl, separated by commas",
    "confidence_columns": _BOOLEAN,
    "target_table": f"a table, or schema.table: {_IDENTIFIER}",
    "endpoint_secret": _SECRET,
    "key_secret": _SECRET,
    "training_storage_account_secret": _SECRET,
    "training_storage_sas_secret": _SECRET,
    "scoring_storage_account_secret": _SECRET,
    "scoring_storage_sas_secret": _SECRET,
    "field": "1 to 200 characters, as in fields.json; no quotes, brackets, ';', '--' or '\\'",
    "required": _BOOLEAN,
    "target_column": _IDENTIFIER,
}

ALLOWED: Mapping[str, str] = MappingProxyType(
    _ALLOWED | {column: ", ".join(choices) for column, choices in CHOICES.items()}
)
"""What a column may hold, by its name in `form_type` and `form_field`."""

ROW_COLUMNS = tuple(column.name for column in tables.form_type.columns)
FIELD_COLUMNS = tuple(column.name for column in tables.form_field.columns)
