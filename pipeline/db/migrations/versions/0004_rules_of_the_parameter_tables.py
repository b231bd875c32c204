"""Rules of the parameter tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from pipeline.db.columns import ExactDecimal, ExactText
from pipeline.db.mending import Rule, require_rows_to_fit

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_VERSIONS = (
    "(engine = 'local' AND (api_version IS NULL OR api_version = '')) OR "
    "(engine = 'form-recognizer' AND api_version IS NOT NULL AND api_version IN ('v2.0-preview', 'v2.0', 'v2.1-preview.1', 'v2.1-preview.2', 'v2.1-preview.3', 'v2.1')) OR "
    "(engine = 'document-intelligence' AND api_version IS NOT NULL AND api_version IN ('2022-08-31', '2023-07-31', '2024-11-30')) OR "
    "(engine = 'language' AND api_version IS NOT NULL AND api_version IN ('v1.0-preview.2', '2021-11-01-preview', '2022-05-01', '2023-04-01'))"
)
_NEW = {
    "form_type": {
        "form_batch_group_id": "form_batch_group_id IS NULL OR ltrim(form_batch_group_id) <> ''",
        "api_version": _VERSIONS,
        "priority": "priority >= 0 AND priority <= 10000",
        "parallelism": "parallelism >= 1 AND parallelism <= 1000",
        "max_attempts": "max_attempts >= 1 AND max_attempts <= 100",
        "keep_versions": "keep_versions >= 1 AND keep_versions <= 1000",
        "sinks": "sinks IS NULL OR ltrim(sinks) <> ''",
    },
    "form_field": {
        "field": "field IS NULL OR ltrim(field) <> ''",
        "format": "format IN ('not-specified', 'currency', 'decimal', 'decimal-comma-seperated', 'no-whitespaces', 'alphanumeric', 'dmy', 'mdy', 'ymd')",
    },
}
_NEW_IN = {
    "sqlite": {
        "form_type": {
            "routes": "routes = 0 OR model_kind = 'classes'",
            "training_container_name": "length(trim(training_container_name)) BETWEEN 3 AND 63",
            "scoring_container_name": "length(trim(scoring_container_name)) BETWEEN 3 AND 63",
            "max_cost_per_run": "max_cost_per_run IS NULL OR (max_cost_per_run GLOB '*[0-9]*' AND max_cost_per_run NOT GLOB '*[^0-9.]*' AND max_cost_per_run NOT GLOB '*.*.*')",
            "whole_numbers_sqlite": "typeof(priority) = 'integer' AND typeof(parallelism) = 'integer' AND (max_pages IS NULL OR typeof(max_pages) = 'integer') AND (max_pages_per_run IS NULL OR typeof(max_pages_per_run) = 'integer') AND (max_train_runs IS NULL OR typeof(max_train_runs) = 'integer') AND typeof(max_attempts) = 'integer' AND typeof(keep_versions) = 'integer'",
            "flags_sqlite": "allow_retired IN (0, 1) AND routes IN (0, 1) AND include_subfolders IN (0, 1) AND use_label_file IN (0, 1) AND enabled IN (0, 1) AND confidence_columns IN (0, 1)",
            "lengths_sqlite": "length(form_type) <= 40 AND length(form_batch_group_id) <= 40 AND length(engine) <= 40 AND length(api_version) <= 40 AND length(model_kind) <= 20 AND length(training_container_name) <= 63 AND length(training_blob_root_folder) <= 1024 AND length(evaluation_blob_folder) <= 1024 AND length(scoring_container_name) <= 63 AND length(scoring_input_blob_folder) <= 1024 AND length(scoring_output_blob_folder) <= 1024 AND length(model_id) <= 200 AND length(file_type) <= 100 AND length(retrain) <= 20 AND length(locale) <= 35 AND length(split) <= 20 AND length(sinks) <= 100 AND length(target_table) <= 128 AND length(schema_contract) <= 20 AND length(endpoint_secret) <= 127 AND length(key_secret) <= 127 AND length(training_storage_account_secret) <= 127 AND length(training_storage_sas_secret) <= 127 AND length(scoring_storage_account_secret) <= 127 AND length(scoring_storage_sas_secret) <= 127",
        },
        "form_field": {
            "flags_sqlite": "required IN (0, 1)",
            "lengths_sqlite": "length(form_type) <= 40 AND length(field) <= 200 AND length(type) <= 20 AND length(format) <= 40 AND length(locale) <= 35 AND length(target_column) <= 128",
        },
    },
    "postgresql": {
        "form_type": {
            "routes": "routes = false OR model_kind = 'classes'",
            "training_container_name": "length(trim(training_container_name)) BETWEEN 3 AND 63",
            "scoring_container_name": "length(trim(scoring_container_name)) BETWEEN 3 AND 63",
            "max_cost_per_run": "max_cost_per_run IS NULL OR (max_cost_per_run >= 0 AND max_cost_per_run <> 'NaN')",
        },
        "form_field": {},
    },
    "mssql": {
        "form_type": {
            "routes": "routes = 0 OR model_kind = 'classes'",
            "training_container_name": "len(trim(training_container_name)) BETWEEN 3 AND 63",
            "scoring_container_name": "len(trim(scoring_container_name)) BETWEEN 3 AND 63",
            "max_cost_per_run": "max_cost_per_run IS NULL OR max_cost_per_run >= 0",
        },
        "form_field": {},
    },
}
_OLD = {
    "form_type": {
        "parallelism": "parallelism IS NULL OR parallelism >= 1",
        "max_attempts": "max_attempts IS NULL OR max_attempts >= 1",
        "keep_versions": "keep_versions IS NULL OR keep_versions >= 1",
        "max_cost_per_run": "max_cost_per_run IS NULL OR max_cost_per_run >= 0",
    },
    "form_field": {},
}
"""Rules of before that the new ones take the place of."""

_KEPT = {
    "form_type": {
        "form_type_sqlite": "form_type GLOB '[a-z]*' AND form_type NOT GLOB '*[^a-z0-9_]*' AND form_type NOT GLOB '*__*' AND length(form_type) <= 40",
        "engine": "engine IN ('local', 'form-recognizer', 'document-intelligence', 'language')",
        "model_kind": "model_kind IN ('form', 'entities', 'classes')",
        "retrain": "retrain IN ('on_change', 'always', 'never')",
        "schema_contract": "schema_contract IN ('evolve', 'freeze', 'discard')",
        "split": "split IN ('none', 'per_page')",
        "min_confidence": "min_confidence IS NULL OR (min_confidence >= 0 AND min_confidence <= 1)",
        "max_pages": "max_pages IS NULL OR max_pages >= 1",
        "max_pages_per_run": "max_pages_per_run IS NULL OR max_pages_per_run >= 1",
        "max_train_runs": "max_train_runs IS NULL OR max_train_runs >= 0",
    },
    "form_field": {
        "type": "type IN ('string', 'number', 'integer', 'currency', 'date', 'time', 'phoneNumber', 'selectionMark')",
        "min_confidence": "min_confidence IS NULL OR (min_confidence >= 0 AND min_confidence <= 1)",
    },
}
"""What stays on SQLite, where a table can only be written anew as a whole."""

_MEANING = {
    "form_batch_group_id": "a name, or NULL: the row's own key",
    "api_version": "a version of the row's engine, NULL for local",
    "priority": "from 0 to 10000",
    "parallelism": "from 1 to 1000",
    "max_attempts": "from 1 to 100",
    "keep_versions": "from 1 to 1000",
    "sinks": "a list of names, not empty",
    "routes": "0, except where model_kind is classes",
    "training_container_name": "of 3 to 63 characters",
    "scoring_container_name": "of 3 to 63 characters",
    "max_cost_per_run": "an amount from 0 on, or NULL",
    "field": "a name, not empty",
    "format": "a format of fields.json, not-specified where none is known",
    "whole_numbers_sqlite": "kept: priority, parallelism, max_pages, max_pages_per_run, max_train_runs, max_attempts and keep_versions hold whole numbers",
    "flags_sqlite": "kept: columns of yes or no hold 1 or 0",
    "lengths_sqlite": "kept: every text fits its column (form_type and group 40, field 200, secret names 127, folders 1024 characters)",
}
_KEYS = {"form_type": ("form_type",), "form_field": ("form_type", "field")}


_BLANK = (
    "UPDATE form_type SET form_batch_group_id = NULL WHERE ltrim(form_batch_group_id) = ''",
    "UPDATE form_type SET sinks = 'sql' WHERE ltrim(sinks) = ''",
    "UPDATE form_field SET format = 'not-specified' WHERE ltrim(format) = ''",
)
"""What an empty cell has meant is written down, before it is refused."""


def upgrade() -> None:
    dialect = op.get_context().dialect.name
    for statement in _BLANK:
        op.execute(statement)
    if not context.is_offline_mode():
        require_rows_to_fit(op.get_bind(), [each for table in _KEYS for each in _rules(table, dialect)])
    for table in _KEYS:
        new = _NEW[table] | _NEW_IN[dialect][table]
        if dialect == "sqlite":
            _write_anew(table, _KEPT[table] | new)
        else:
            _exchange(table, _OLD[table], new)


def downgrade() -> None:
    dialect = op.get_context().dialect.name
    for table in _KEYS:
        if dialect == "sqlite":
            _write_anew(table, _KEPT[table] | _OLD[table])
        else:
            _exchange(table, _NEW[table] | _NEW_IN[dialect][table], _OLD[table])


def _rules(table: str, dialect: str) -> list[Rule]:
    rules = _NEW[table] | _NEW_IN[dialect][table]
    return [Rule(table, _KEYS[table], name, sql, _MEANING[name]) for name, sql in rules.items()]


def _exchange(table: str, old: dict[str, str], new: dict[str, str]) -> None:
    for name in old:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    for name, rule in new.items():
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, sa.text(rule))


def _write_anew(table: str, rules: dict[str, str]) -> None:
    """SQLite cannot alter a rule: the rows go into a table of the new shape, which takes the old one's name."""
    checks = [sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in rules.items()]
    new = op.create_table(f"{table}_new", *_COLUMNS[table](), *checks)
    names = [column.name for column in new.columns]
    old = sa.table(table, *(sa.column(name) for name in names))
    op.execute(sa.insert(new).from_select(names, sa.select(*old.columns)))
    op.drop_table(table)
    op.rename_table(f"{table}_new", table)


def _form_type() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("form_type", sa.Unicode(length=40), nullable=False),
        sa.Column("form_description", sa.UnicodeText(), nullable=True),
        sa.Column("form_batch_group_id", sa.Unicode(length=40), nullable=True),
        sa.Column("engine", sa.Unicode(length=40), server_default="local", nullable=False),
        sa.Column("api_version", sa.Unicode(length=40), nullable=True),
        sa.Column("allow_retired", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("model_kind", sa.Unicode(length=20), server_default="form", nullable=False),
        sa.Column("routes", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("training_container_name", sa.Unicode(length=63), nullable=False),
        sa.Column("training_blob_root_folder", ExactText(length=1024), server_default="", nullable=False),
        sa.Column("include_subfolders", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("use_label_file", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("evaluation_blob_folder", ExactText(length=1024), nullable=True),
        sa.Column("scoring_container_name", sa.Unicode(length=63), nullable=False),
        sa.Column("scoring_input_blob_folder", ExactText(length=1024), server_default="", nullable=False),
        sa.Column("scoring_output_blob_folder", ExactText(length=1024), nullable=True),
        sa.Column("model_id", sa.Unicode(length=200), nullable=True),
        sa.Column("file_type", sa.Unicode(length=100), nullable=True),
        sa.Column("retrain", sa.Unicode(length=20), server_default="on_change", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("priority", sa.Integer(), server_default="100", nullable=False),
        sa.Column("parallelism", sa.Integer(), server_default="15", nullable=False),
        sa.Column("min_confidence", sa.Float(), nullable=True),
        sa.Column("locale", sa.Unicode(length=35), nullable=True),
        sa.Column("max_pages", sa.Integer(), nullable=True),
        sa.Column("max_pages_per_run", sa.Integer(), nullable=True),
        sa.Column("max_cost_per_run", ExactDecimal(), nullable=True),
        sa.Column("max_train_runs", sa.Integer(), nullable=True),
        sa.Column("max_attempts", sa.Integer(), server_default="3", nullable=False),
        sa.Column("keep_versions", sa.Integer(), server_default="3", nullable=False),
        sa.Column("split", sa.Unicode(length=20), server_default="none", nullable=False),
        sa.Column("sinks", sa.Unicode(length=100), server_default="sql", nullable=False),
        sa.Column("target_table", sa.Unicode(length=128), nullable=True),
        sa.Column("schema_contract", sa.Unicode(length=20), server_default="evolve", nullable=False),
        sa.Column(
            "endpoint_secret",
            sa.Unicode(length=127),
            server_default="CognitiveServiceEndpoint",
            nullable=False,
        ),
        sa.Column(
            "key_secret",
            sa.Unicode(length=127),
            server_default="CognitiveServiceSubscriptionKey",
            nullable=False,
        ),
        sa.Column(
            "training_storage_account_secret",
            sa.Unicode(length=127),
            server_default="StorageAccountName",
            nullable=False,
        ),
        sa.Column(
            "training_storage_sas_secret",
            sa.Unicode(length=127),
            server_default="StorageAccountSasKey",
            nullable=False,
        ),
        sa.Column(
            "scoring_storage_account_secret",
            sa.Unicode(length=127),
            server_default="StorageAccountName",
            nullable=False,
        ),
        sa.Column(
            "scoring_storage_sas_secret",
            sa.Unicode(length=127),
            server_default="StorageAccountSasKey",
            nullable=False,
        ),
        sa.Column("confidence_columns", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("form_type", name=op.f("pk_form_type")),
    ]


def _form_field() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("form_type", sa.Unicode(length=40), nullable=False),
        sa.Column("field", ExactText(length=200), nullable=False),
        sa.Column("type", sa.Unicode(length=20), server_default="string", nullable=False),
        sa.Column("format", sa.Unicode(length=40), server_default="not-specified", nullable=False),
        sa.Column("required", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("locale", sa.Unicode(length=35), nullable=True),
        sa.Column("min_confidence", sa.Float(), nullable=True),
        sa.Column("target_column", sa.Unicode(length=128), nullable=True),
        sa.ForeignKeyConstraint(
            ["form_type"],
            ["form_type.form_type"],
            name=op.f("fk_form_field_form_type_form_type"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("form_type", "field", name=op.f("pk_form_field")),
    ]


_COLUMNS = {"form_type": _form_type, "form_field": _form_field}
