"""Every table, once. `migrations/` brings a database to this shape; a test keeps the two equal."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Time,
    Unicode,
    UnicodeText,
    UniqueConstraint,
    false,
    text,
    true,
)

from pipeline.db import checks
from pipeline.db.columns import ExactDecimal, ExactText, Key, UtcDateTime
from pipeline.services import load_services

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ENGINES = ("local", "form-recognizer", "document-intelligence", "language")
MODEL_KINDS = ("form", "entities", "classes")
FIELD_TYPES = ("string", "number", "integer", "currency", "date", "time", "phoneNumber", "selectionMark")
FIELD_FORMATS = (
    "not-specified",
    "currency",
    "decimal",
    "decimal-comma-seperated",
    "no-whitespaces",
    "alphanumeric",
    "dmy",
    "mdy",
    "ymd",
)
RETRAIN = ("on_change", "always", "never")
SPLITS = ("none", "per_page")
SCHEMA_CONTRACTS = ("evolve", "freeze", "discard")
GONE_POLICIES = ("keep", "remove")
RENAME_POLICIES = ("reuse", "score")
MODEL_STATES = ("training", "candidate", "active", "retired", "invalid")
STAGES = ("pending", "claimed", "submitting", "submitted", "done")
OUTCOMES = ("loaded", "partial", "dead", "gone", "unrouted")
SOURCES = ("model", "person")
OPERATION_KINDS = ("train", "compose", "copy", "layout", "analyze", "batch", "classify")
DELIVERY_STATES = ("pending", "delivered", "failed")
OPERATION_STATES = ("intended", "submitted", "finished", "failed", "lost")

form_type = Table(
    "form_type",
    metadata,
    Column("form_type", Unicode(40), primary_key=True),
    Column("form_description", UnicodeText),
    Column("form_batch_group_id", Unicode(40)),
    Column("engine", Unicode(40), nullable=False, server_default="local"),
    Column("api_version", Unicode(40)),
    Column("allow_retired", Boolean, nullable=False, server_default=false()),
    Column("model_kind", Unicode(20), nullable=False, server_default="form"),
    Column("routes", Boolean, nullable=False, server_default=false()),
    Column("training_container_name", Unicode(63), nullable=False),
    Column("training_blob_root_folder", ExactText(1024), nullable=False, server_default=""),
    Column("include_subfolders", Boolean, nullable=False, server_default=false()),
    Column("use_label_file", Boolean, nullable=False, server_default=true()),
    Column("evaluation_blob_folder", ExactText(1024)),
    Column("scoring_container_name", Unicode(63), nullable=False),
    Column("scoring_input_blob_folder", ExactText(1024), nullable=False, server_default=""),
    Column("scoring_output_blob_folder", ExactText(1024)),
    Column("model_id", Unicode(200)),
    Column("file_type", Unicode(100)),
    Column("retrain", Unicode(20), nullable=False, server_default="on_change"),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("priority", Integer, nullable=False, server_default="100"),
    Column("parallelism", Integer, nullable=False, server_default="15"),
    Column("min_confidence", Float),
    Column("locale", Unicode(35)),
    Column("max_pages", Integer),
    Column("max_pages_per_run", Integer),
    Column("max_cost_per_run", ExactDecimal),
    Column("max_train_runs", Integer),
    Column("max_attempts", Integer, nullable=False, server_default="3"),
    Column("keep_versions", Integer, nullable=False, server_default="3"),
    Column("split", Unicode(20), nullable=False, server_default="none"),
    Column("sinks", Unicode(100), nullable=False, server_default="sql"),
    Column("target_table", Unicode(128)),
    Column("schema_contract", Unicode(20), nullable=False, server_default="evolve"),
    Column("on_gone", Unicode(20), nullable=False, server_default="keep"),
    Column("on_rename", Unicode(20), nullable=False, server_default="reuse"),
    Column("confidence_columns", Boolean, nullable=False, server_default=false()),
    Column("endpoint_secret", Unicode(127), nullable=False, server_default="CognitiveServiceEndpoint"),
    Column("key_secret", Unicode(127), nullable=False, server_default="CognitiveServiceSubscriptionKey"),
    Column(
        "training_storage_account_secret", Unicode(127), nullable=False, server_default="StorageAccountName"
    ),
    Column(
        "training_storage_sas_secret", Unicode(127), nullable=False, server_default="StorageAccountSasKey"
    ),
    Column(
        "scoring_storage_account_secret", Unicode(127), nullable=False, server_default="StorageAccountName"
    ),
    Column("scoring_storage_sas_secret", Unicode(127), nullable=False, server_default="StorageAccountSasKey"),
    *checks.key_shape("form_type"),
    checks.not_blank("form_batch_group_id"),
    checks.one_of("engine", ENGINES),
    checks.versions(load_services()),
    checks.one_of("model_kind", MODEL_KINDS),
    *checks.only_where("routes", "model_kind", "classes"),
    *checks.container_name("training_container_name"),
    *checks.container_name("scoring_container_name"),
    checks.one_of("retrain", RETRAIN),
    checks.one_of("split", SPLITS),
    checks.one_of("schema_contract", SCHEMA_CONTRACTS),
    checks.one_of("on_gone", GONE_POLICIES),
    checks.one_of("on_rename", RENAME_POLICIES),
    checks.share("min_confidence"),
    checks.between("priority", 0, 10_000),
    checks.between("parallelism", 1, 1_000),
    checks.at_least("max_pages", 1),
    checks.at_least("max_pages_per_run", 1),
    *checks.amount("max_cost_per_run"),
    checks.at_least("max_train_runs", 0),
    checks.between("max_attempts", 1, 100),
    checks.between("keep_versions", 1, 1_000),
    checks.not_blank("sinks"),
)
_LISTED = ("on_gone", "on_rename")
"""Columns whose own check leaves nothing to say of their length."""

for _rule in checks.cells_of_sqlite(each for each in form_type.columns if each.name not in _LISTED):
    form_type.append_constraint(_rule)

form_field = Table(
    "form_field",
    metadata,
    Column("form_type", Unicode(40), ForeignKey("form_type.form_type", ondelete="CASCADE"), nullable=False),
    Column("field", ExactText(200), nullable=False),
    Column("type", Unicode(20), nullable=False, server_default="string"),
    Column("format", Unicode(40), nullable=False, server_default="not-specified"),
    Column("required", Boolean, nullable=False, server_default=false()),
    Column("locale", Unicode(35)),
    Column("min_confidence", Float),
    Column("target_column", Unicode(128)),
    PrimaryKeyConstraint("form_type", "field"),
    checks.not_blank("field"),
    checks.one_of("type", FIELD_TYPES),
    checks.one_of("format", FIELD_FORMATS),
    checks.share("min_confidence"),
)
for _rule in checks.cells_of_sqlite(form_field.columns):
    form_field.append_constraint(_rule)

model_bundle = Table(
    "model_bundle",
    metadata,
    Column("sha256", Unicode(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

model_version = Table(
    "model_version",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("form_batch_group_id", Unicode(40), nullable=False),
    Column("version", Integer, nullable=False),
    Column("engine", Unicode(40), nullable=False),
    Column("api_version", Unicode(40)),
    Column("model_kind", Unicode(20), nullable=False),
    Column("service_model_id", Unicode(200)),
    Column("bundle_sha256", Unicode(64), ForeignKey("model_bundle.sha256")),
    Column("fingerprint", Unicode(64), nullable=False),
    Column("state", Unicode(20), nullable=False),
    Column("training_documents", Integer, nullable=False, server_default="0"),
    Column("fields", UnicodeText, nullable=False, server_default="[]"),
    Column("evaluation", UnicodeText),
    Column("f1", Float),
    Column("reason", UnicodeText),
    Column("created_at", UtcDateTime, nullable=False),
    Column("promoted_at", UtcDateTime),
    Column("promoted_by", Unicode(100)),
    UniqueConstraint("form_batch_group_id", "version"),
    checks.one_of("state", MODEL_STATES),
    Index(
        "uq_model_version_one_active",
        "form_batch_group_id",
        unique=True,
        sqlite_where=text("state = 'active'"),
        postgresql_where=text("state = 'active'"),
        mssql_where=text("state = 'active'"),
    ),
)

# `parent_id`: the run of which this one does a part.
run = Table(
    "run",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("state", Unicode(20), nullable=False),
    Column("holder", Unicode(200), nullable=False),
    Column("reason", UnicodeText),
    Column("parent_id", Key),
    Column("stop_asked_at", UtcDateTime),
    checks.one_of("state", ("running", "finished", "stopped", "failed", "lost")),
    Index(
        "ix_run_parent_id",
        "parent_id",
        sqlite_where=text("parent_id IS NOT NULL"),
        postgresql_where=text("parent_id IS NOT NULL"),
        mssql_where=text("parent_id IS NOT NULL"),
    ),
)

# `form_type` of the two tables of history names no row: they outlive a purge, and `event.document_id` a
# document that was forgotten.
run_row = Table(
    "run_row",
    metadata,
    Column("run_id", Key, ForeignKey("run.id"), nullable=False),
    Column("form_type", Unicode(40), nullable=False),
    Column("state", Unicode(20), nullable=False),
    Column("decision", UnicodeText),
    Column("listed", Integer, nullable=False, server_default="0"),
    Column("loaded", Integer, nullable=False, server_default="0"),
    Column("partial", Integer, nullable=False, server_default="0"),
    Column("dead", Integer, nullable=False, server_default="0"),
    Column("retried", Integer, nullable=False, server_default="0"),
    Column("gone", Integer, nullable=False, server_default="0"),
    Column("reused", Integer, nullable=False, server_default="0"),
    Column("routed", Integer, nullable=False, server_default="0"),
    Column("unrouted", Integer, nullable=False, server_default="0"),
    Column("left_over", Integer, nullable=False, server_default="0"),
    Column("pages", Integer, nullable=False, server_default="0"),
    Column("ocr_pages", Integer, nullable=False, server_default="0"),
    Column("field_values", Integer, nullable=False, server_default="0"),
    Column("cost", ExactDecimal),
    Column("seconds", Float, nullable=False, server_default="0"),
    Column("reason", UnicodeText),
    PrimaryKeyConstraint("run_id", "form_type"),
    checks.one_of("state", ("finished", "skipped", "stopped", "failed")),
)

# What the hands of a run were given of its limits, by form type; under an empty one of all of them. `cost` in
# millionths of a US dollar.
allotment = Table(
    "allotment",
    metadata,
    Column("run_id", Key, ForeignKey("run.id"), nullable=False),
    Column("form_type", Unicode(40), nullable=False),
    Column("pages", Key, nullable=False, server_default="0"),
    Column("cost", Key, nullable=False, server_default="0"),
    PrimaryKeyConstraint("run_id", "form_type"),
)

event = Table(
    "event",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("run_id", Key, ForeignKey("run.id")),
    Column("at", UtcDateTime, nullable=False),
    Column("name", Unicode(60), nullable=False),
    Column("form_type", Unicode(40)),
    Column("document_id", Key),
    Column("details", UnicodeText, nullable=False, server_default="{}"),
    Index("ix_event_run_id", "run_id"),
)

lease = Table(
    "lease",
    metadata,
    Column("name", Unicode(120), primary_key=True),
    Column("holder", Unicode(200), nullable=False),
    Column("heartbeat_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("fencing", Integer, nullable=False),
)

# How far the calls to a resource are used up, in seconds since 1970 by the database's clock. `resource` is
# the hash of an endpoint.
budget = Table(
    "budget",
    metadata,
    Column("resource", Unicode(64), nullable=False),
    Column("operation_class", Unicode(20), nullable=False),
    Column("next_at", Float(53), nullable=False, server_default="0"),
    Column("held_until", Float(53), nullable=False, server_default="0"),
    PrimaryKeyConstraint("resource", "operation_class"),
)

# `routed_from` is the id of the router's document that a document was handed on from, which may be forgotten
# since. `first_page` and `last_page` are of documents that are a part of their blob, the hash of whose path
# covers them.
document = Table(
    "document",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("form_type", Unicode(40), ForeignKey("form_type.form_type"), nullable=False),
    Column("account", Unicode(63), nullable=False, server_default=""),
    Column("container", Unicode(63), nullable=False),
    Column("path", ExactText(1024), nullable=False),
    Column("path_hash", Unicode(64), nullable=False),
    Column("etag", Unicode(128), nullable=False),
    Column("size", Key, nullable=False),
    Column("content_hash", Unicode(64)),
    Column("pages", Integer),
    Column("ocr_pages", Integer),
    Column("layout_confidence", Float),
    Column("stage", Unicode(20), nullable=False, server_default="pending"),
    Column("claimed_by", Key),
    Column("outcome", Unicode(20)),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_try_at", UtcDateTime),
    Column("reason", Unicode(60)),
    Column("message", UnicodeText),
    Column("model_version_id", Key, ForeignKey("model_version.id")),
    Column("run_id", Key, ForeignKey("run.id")),
    Column("seconds", Float),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("routed_from", Key),
    Column("first_page", Integer),
    Column("last_page", Integer),
    UniqueConstraint("form_type", "path_hash"),
    checks.one_of("stage", STAGES),
    CheckConstraint(
        "outcome IS NULL OR outcome IN (" + ", ".join(f"'{o}'" for o in OUTCOMES) + ")", name="outcome"
    ),
    CheckConstraint(
        "(stage = 'done' AND outcome IS NOT NULL) OR (stage <> 'done' AND outcome IS NULL)",
        name="done_has_outcome",
    ),
    Index("ix_document_form_type_stage_id", "form_type", "stage", "id"),
    Index("ix_document_form_type_content_hash", "form_type", "content_hash"),
    Index(
        "ix_document_claimed_by",
        "claimed_by",
        sqlite_where=text("claimed_by IS NOT NULL"),
        postgresql_where=text("claimed_by IS NOT NULL"),
        mssql_where=text("claimed_by IS NOT NULL"),
    ),
    Index(
        "ix_document_routed_from",
        "routed_from",
        sqlite_where=text("routed_from IS NOT NULL"),
        postgresql_where=text("routed_from IS NOT NULL"),
        mssql_where=text("routed_from IS NOT NULL"),
    ),
)

operation = Table(
    "operation",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("kind", Unicode(20), nullable=False),
    Column("state", Unicode(20), nullable=False, server_default="intended"),
    Column("form_batch_group_id", Unicode(40), nullable=False),
    Column("model_version_id", Key, ForeignKey("model_version.id")),
    Column("subject", ExactText(1200), nullable=False, server_default=""),
    Column("url", UnicodeText, nullable=False, server_default=""),
    Column("holder", Unicode(200), nullable=False),
    Column("intended_at", UtcDateTime, nullable=False),
    Column("submitted_at", UtcDateTime),
    Column("deadline", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("reason", Unicode(60)),
    checks.one_of("kind", OPERATION_KINDS),
    checks.one_of("state", OPERATION_STATES),
    Index("ix_operation_form_batch_group_id_state", "form_batch_group_id", "state"),
)

operation_document = Table(
    "operation_document",
    metadata,
    Column("document_id", Key, ForeignKey("document.id", ondelete="CASCADE"), primary_key=True),
    Column("operation_id", Key, ForeignKey("operation.id", ondelete="CASCADE"), nullable=False),
    Index("ix_operation_document_operation_id", "operation_id"),
)

part = Table(
    "part",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("document_id", Key, ForeignKey("document.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("first_page", Integer, nullable=False),
    Column("last_page", Integer, nullable=False),
    Column("doc_type", Unicode(200)),
    Column("confidence", Float),
    UniqueConstraint("document_id", "number"),
)

field_value = Table(
    "field_value",
    metadata,
    Column("part_id", Key, ForeignKey("part.id", ondelete="CASCADE"), nullable=False),
    Column("field", ExactText(200), nullable=False),
    Column("occurrence", Integer, nullable=False, server_default="0"),
    Column("source", Unicode(10), nullable=False, server_default="model"),
    Column("text", UnicodeText),
    Column("value_text", UnicodeText),
    Column("value_number", ExactDecimal),
    Column("value_date", Date),
    Column("value_time", Time),
    Column("value_mark", Unicode(10)),
    Column("currency", Unicode(3)),
    Column("page", Integer),
    Column("polygon", UnicodeText),
    Column("confidence", Float),
    Column("layout_confidence", Float),
    Column("ambiguous", Boolean, nullable=False, server_default=false()),
    Column("review", Boolean, nullable=False, server_default=false()),
    Column("text_offset", Integer),
    Column("text_length", Integer),
    PrimaryKeyConstraint("part_id", "field", "occurrence", "source"),
    checks.one_of("source", SOURCES),
)

table_cell = Table(
    "table_cell",
    metadata,
    Column("part_id", Key, ForeignKey("part.id", ondelete="CASCADE"), nullable=False),
    Column("table_index", Integer, nullable=False),
    Column("row_index", Integer, nullable=False),
    Column("column_index", Integer, nullable=False),
    Column("page", Integer, nullable=False),
    Column("text", UnicodeText, nullable=False, server_default=""),
    Column("row_span", Integer, nullable=False, server_default="1"),
    Column("column_span", Integer, nullable=False, server_default="1"),
    Column("is_header", Boolean, nullable=False, server_default=false()),
    Column("confidence", Float),
    PrimaryKeyConstraint("part_id", "table_index", "row_index", "column_index"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("document_id", Key, ForeignKey("document.id", ondelete="CASCADE"), nullable=False),
    Column("sink", Unicode(20), nullable=False),
    Column("state", Unicode(20), nullable=False, server_default="pending"),
    Column("item_id", Unicode(64)),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("reason", Unicode(60)),
    Column("queued_at", UtcDateTime, nullable=False),
    Column("delivered_at", UtcDateTime),
    PrimaryKeyConstraint("document_id", "sink"),
    checks.one_of("state", DELIVERY_STATES),
    Index("ix_delivery_sink_state_document_id", "sink", "state", "document_id"),
)

forgotten = Table(
    "forgotten",
    metadata,
    Column("form_type", Unicode(40), ForeignKey("form_type.form_type", ondelete="CASCADE"), nullable=False),
    Column("path_hash", Unicode(64), nullable=False),
    Column("etag", Unicode(128), nullable=False),
    Column("outcome", Unicode(20)),
    Column("pages", Integer),
    Column("field_values", Integer, nullable=False, server_default="0"),
    Column("forgotten_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("form_type", "path_hash"),
)

# What persons said that documents of a router are. `path_hash` is that of the document they moved.
text_label = Table(
    "text_label",
    metadata,
    Column("form_type", Unicode(40), ForeignKey("form_type.form_type", ondelete="CASCADE"), nullable=False),
    Column("path_hash", Unicode(64), nullable=False),
    Column("account", Unicode(63), nullable=False, server_default=""),
    Column("container", Unicode(63), nullable=False),
    Column("path", ExactText(1024), nullable=False),
    Column("first_page", Integer),
    Column("last_page", Integer),
    Column("etag", Unicode(128), nullable=False),
    Column("class", Unicode(40), nullable=False),
    Column("labelled_at", UtcDateTime, nullable=False),
    Column("labelled_by", Unicode(200), nullable=False),
    PrimaryKeyConstraint("form_type", "path_hash"),
)
