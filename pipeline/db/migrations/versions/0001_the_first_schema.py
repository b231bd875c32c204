"""The first schema"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline.db.columns import ExactDecimal, ExactText, Key, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "form_type",
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
        sa.CheckConstraint(
            "engine IN ('local', 'form-recognizer', 'document-intelligence', 'language')",
            name=op.f("ck_form_type_engine"),
        ),
        sa.CheckConstraint(
            "form_type COLLATE Latin1_General_BIN2 LIKE '[a-z]%' AND form_type COLLATE Latin1_General_BIN2 NOT LIKE '%[^a-z0-9_]%' AND form_type NOT LIKE '%[_][_]%'",
            name=op.f("ck_form_type_form_type_mssql"),
        ).ddl_if(dialect="mssql"),
        sa.CheckConstraint(
            "form_type GLOB '[a-z]*' AND form_type NOT GLOB '*[^a-z0-9_]*' AND form_type NOT GLOB '*__*' AND length(form_type) <= 40",
            name=op.f("ck_form_type_form_type_sqlite"),
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "form_type ~ '^[a-z][a-z0-9_]{0,39}$' AND form_type NOT LIKE '%\\_\\_%'",
            name=op.f("ck_form_type_form_type_postgresql"),
        ).ddl_if(dialect="postgresql"),
        sa.CheckConstraint(
            "model_kind IN ('form', 'entities', 'classes')", name=op.f("ck_form_type_model_kind")
        ),
        sa.CheckConstraint("retrain IN ('on_change', 'always', 'never')", name=op.f("ck_form_type_retrain")),
        sa.CheckConstraint(
            "schema_contract IN ('evolve', 'freeze', 'discard')", name=op.f("ck_form_type_schema_contract")
        ),
        sa.CheckConstraint("split IN ('none', 'per_page')", name=op.f("ck_form_type_split")),
        sa.CheckConstraint(
            "keep_versions IS NULL OR keep_versions >= 1", name=op.f("ck_form_type_keep_versions")
        ),
        sa.CheckConstraint(
            "max_attempts IS NULL OR max_attempts >= 1", name=op.f("ck_form_type_max_attempts")
        ),
        sa.CheckConstraint(
            "max_cost_per_run IS NULL OR max_cost_per_run >= 0", name=op.f("ck_form_type_max_cost_per_run")
        ),
        sa.CheckConstraint("max_pages IS NULL OR max_pages >= 1", name=op.f("ck_form_type_max_pages")),
        sa.CheckConstraint(
            "max_pages_per_run IS NULL OR max_pages_per_run >= 1", name=op.f("ck_form_type_max_pages_per_run")
        ),
        sa.CheckConstraint(
            "max_train_runs IS NULL OR max_train_runs >= 0", name=op.f("ck_form_type_max_train_runs")
        ),
        sa.CheckConstraint(
            "min_confidence IS NULL OR (min_confidence >= 0 AND min_confidence <= 1)",
            name=op.f("ck_form_type_min_confidence"),
        ),
        sa.CheckConstraint("parallelism IS NULL OR parallelism >= 1", name=op.f("ck_form_type_parallelism")),
        sa.PrimaryKeyConstraint("form_type", name=op.f("pk_form_type")),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.Unicode(length=120), nullable=False),
        sa.Column("holder", sa.Unicode(length=200), nullable=False),
        sa.Column("heartbeat_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("fencing", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "model_bundle",
        sa.Column("sha256", sa.Unicode(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_model_bundle")),
    )
    op.create_table(
        "run",
        sa.Column("id", Key, autoincrement=True, nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("state", sa.Unicode(length=20), nullable=False),
        sa.Column("holder", sa.Unicode(length=200), nullable=False),
        sa.Column("reason", sa.UnicodeText(), nullable=True),
        sa.CheckConstraint(
            "state IN ('running', 'finished', 'stopped', 'failed', 'lost')", name=op.f("ck_run_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    op.create_table(
        "event",
        sa.Column("id", Key, autoincrement=True, nullable=False),
        sa.Column("run_id", Key, nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("name", sa.Unicode(length=60), nullable=False),
        sa.Column("form_type", sa.Unicode(length=40), nullable=True),
        sa.Column("document_id", Key, nullable=True),
        sa.Column("details", sa.UnicodeText(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_event_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_run_id", "event", ["run_id"], unique=False)
    op.create_table(
        "form_field",
        sa.Column("form_type", sa.Unicode(length=40), nullable=False),
        sa.Column("field", ExactText(length=200), nullable=False),
        sa.Column("type", sa.Unicode(length=20), server_default="string", nullable=False),
        sa.Column("format", sa.Unicode(length=40), server_default="not-specified", nullable=False),
        sa.Column("required", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("locale", sa.Unicode(length=35), nullable=True),
        sa.Column("min_confidence", sa.Float(), nullable=True),
        sa.Column("target_column", sa.Unicode(length=128), nullable=True),
        sa.CheckConstraint(
            "type IN ('string', 'number', 'integer', 'currency', 'date', 'time', 'phoneNumber', 'selectionMark')",
            name=op.f("ck_form_field_type"),
        ),
        sa.CheckConstraint(
            "min_confidence IS NULL OR (min_confidence >= 0 AND min_confidence <= 1)",
            name=op.f("ck_form_field_min_confidence"),
        ),
        sa.ForeignKeyConstraint(
            ["form_type"],
            ["form_type.form_type"],
            name=op.f("fk_form_field_form_type_form_type"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("form_type", "field", name=op.f("pk_form_field")),
    )
    op.create_table(
        "model_version",
        sa.Column("id", Key, autoincrement=True, nullable=False),
        sa.Column("form_batch_group_id", sa.Unicode(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("engine", sa.Unicode(length=40), nullable=False),
        sa.Column("api_version", sa.Unicode(length=40), nullable=True),
        sa.Column("model_kind", sa.Unicode(length=20), nullable=False),
        sa.Column("service_model_id", sa.Unicode(length=200), nullable=True),
        sa.Column("bundle_sha256", sa.Unicode(length=64), nullable=True),
        sa.Column("fingerprint", sa.Unicode(length=64), nullable=False),
        sa.Column("state", sa.Unicode(length=20), nullable=False),
        sa.Column("training_documents", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fields", sa.UnicodeText(), server_default="[]", nullable=False),
        sa.Column("evaluation", sa.UnicodeText(), nullable=True),
        sa.Column("f1", sa.Float(), nullable=True),
        sa.Column("reason", sa.UnicodeText(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("promoted_at", UtcDateTime(), nullable=True),
        sa.Column("promoted_by", sa.Unicode(length=100), nullable=True),
        sa.CheckConstraint(
            "state IN ('training', 'candidate', 'active', 'retired', 'invalid')",
            name=op.f("ck_model_version_state"),
        ),
        sa.ForeignKeyConstraint(
            ["bundle_sha256"],
            ["model_bundle.sha256"],
            name=op.f("fk_model_version_bundle_sha256_model_bundle"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_version")),
        sa.UniqueConstraint(
            "form_batch_group_id", "version", name=op.f("uq_model_version_form_batch_group_id_version")
        ),
    )
    op.create_index(
        "uq_model_version_one_active",
        "model_version",
        ["form_batch_group_id"],
        unique=True,
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
        mssql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "run_row",
        sa.Column("run_id", Key, nullable=False),
        sa.Column("form_type", sa.Unicode(length=40), nullable=False),
        sa.Column("state", sa.Unicode(length=20), nullable=False),
        sa.Column("decision", sa.UnicodeText(), nullable=True),
        sa.Column("listed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("loaded", sa.Integer(), server_default="0", nullable=False),
        sa.Column("partial", sa.Integer(), server_default="0", nullable=False),
        sa.Column("dead", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retried", sa.Integer(), server_default="0", nullable=False),
        sa.Column("pages", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ocr_pages", sa.Integer(), server_default="0", nullable=False),
        sa.Column("field_values", sa.Integer(), server_default="0", nullable=False),
        sa.Column("seconds", sa.Float(), server_default="0", nullable=False),
        sa.Column("reason", sa.UnicodeText(), nullable=True),
        sa.CheckConstraint(
            "state IN ('finished', 'skipped', 'stopped', 'failed')", name=op.f("ck_run_row_state")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_row_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "form_type", name=op.f("pk_run_row")),
    )
    op.create_table(
        "document",
        sa.Column("id", Key, autoincrement=True, nullable=False),
        sa.Column("form_type", sa.Unicode(length=40), nullable=False),
        sa.Column("account", sa.Unicode(length=63), server_default="", nullable=False),
        sa.Column("container", sa.Unicode(length=63), nullable=False),
        sa.Column("path", ExactText(length=1024), nullable=False),
        sa.Column("path_hash", sa.Unicode(length=64), nullable=False),
        sa.Column("etag", sa.Unicode(length=128), nullable=False),
        sa.Column("size", Key, nullable=False),
        sa.Column("content_hash", sa.Unicode(length=64), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("ocr_pages", sa.Integer(), nullable=True),
        sa.Column("layout_confidence", sa.Float(), nullable=True),
        sa.Column("stage", sa.Unicode(length=20), server_default="pending", nullable=False),
        sa.Column("outcome", sa.Unicode(length=20), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.Unicode(length=60), nullable=True),
        sa.Column("message", sa.UnicodeText(), nullable=True),
        sa.Column("model_version_id", Key, nullable=True),
        sa.Column("run_id", Key, nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "(stage = 'done' AND outcome IS NOT NULL) OR (stage <> 'done' AND outcome IS NULL)",
            name=op.f("ck_document_done_has_outcome"),
        ),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome IN ('loaded', 'partial', 'dead', 'gone', 'unrouted')",
            name=op.f("ck_document_outcome"),
        ),
        sa.CheckConstraint(
            "stage IN ('pending', 'claimed', 'submitting', 'submitted', 'done')",
            name=op.f("ck_document_stage"),
        ),
        sa.ForeignKeyConstraint(
            ["form_type"], ["form_type.form_type"], name=op.f("fk_document_form_type_form_type")
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_version.id"],
            name=op.f("fk_document_model_version_id_model_version"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_document_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
        sa.UniqueConstraint("form_type", "path_hash", name=op.f("uq_document_form_type_path_hash")),
    )
    op.create_index("ix_document_form_type_stage_id", "document", ["form_type", "stage", "id"], unique=False)
    op.create_table(
        "part",
        sa.Column("id", Key, autoincrement=True, nullable=False),
        sa.Column("document_id", Key, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first_page", sa.Integer(), nullable=False),
        sa.Column("last_page", sa.Integer(), nullable=False),
        sa.Column("doc_type", sa.Unicode(length=200), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_part_document_id_document"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_part")),
        sa.UniqueConstraint("document_id", "number", name=op.f("uq_part_document_id_number")),
    )
    op.create_table(
        "field_value",
        sa.Column("part_id", Key, nullable=False),
        sa.Column("field", ExactText(length=200), nullable=False),
        sa.Column("occurrence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("source", sa.Unicode(length=10), server_default="model", nullable=False),
        sa.Column("text", sa.UnicodeText(), nullable=True),
        sa.Column("value_text", sa.UnicodeText(), nullable=True),
        sa.Column("value_number", ExactDecimal(), nullable=True),
        sa.Column("value_date", sa.Date(), nullable=True),
        sa.Column("value_time", sa.Time(), nullable=True),
        sa.Column("value_mark", sa.Unicode(length=10), nullable=True),
        sa.Column("currency", sa.Unicode(length=3), nullable=True),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("polygon", sa.UnicodeText(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("layout_confidence", sa.Float(), nullable=True),
        sa.Column("ambiguous", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("review", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.CheckConstraint("source IN ('model', 'person')", name=op.f("ck_field_value_source")),
        sa.ForeignKeyConstraint(
            ["part_id"], ["part.id"], name=op.f("fk_field_value_part_id_part"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("part_id", "field", "occurrence", "source", name=op.f("pk_field_value")),
    )


def downgrade() -> None:
    op.drop_table("field_value")
    op.drop_table("part")
    op.drop_index("ix_document_form_type_stage_id", table_name="document")
    op.drop_table("document")
    op.drop_table("run_row")
    op.drop_index(
        "uq_model_version_one_active",
        table_name="model_version",
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
        mssql_where=sa.text("state = 'active'"),
    )
    op.drop_table("model_version")
    op.drop_table("form_field")
    op.drop_index("ix_event_run_id", table_name="event")
    op.drop_table("event")
    op.drop_table("run")
    op.drop_table("model_bundle")
    op.drop_table("lease")
    op.drop_table("form_type")
