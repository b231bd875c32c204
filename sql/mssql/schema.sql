-- sqlcmd -b -i schema.sql

SET QUOTED_IDENTIFIER ON;

SET XACT_ABORT ON;

GO

BEGIN TRANSACTION;

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

GO

-- Running upgrade  -> 0001

CREATE TABLE form_type (
    form_type NVARCHAR(40) NOT NULL, 
    form_description NVARCHAR(max) NULL, 
    form_batch_group_id NVARCHAR(40) NULL, 
    engine NVARCHAR(40) NOT NULL DEFAULT 'local', 
    api_version NVARCHAR(40) NULL, 
    allow_retired BIT NOT NULL DEFAULT 0, 
    model_kind NVARCHAR(20) NOT NULL DEFAULT 'form', 
    routes BIT NOT NULL DEFAULT 0, 
    training_container_name NVARCHAR(63) NOT NULL, 
    training_blob_root_folder NVARCHAR(1024) COLLATE Latin1_General_BIN2 NOT NULL DEFAULT '', 
    include_subfolders BIT NOT NULL DEFAULT 0, 
    use_label_file BIT NOT NULL DEFAULT 1, 
    evaluation_blob_folder NVARCHAR(1024) COLLATE Latin1_General_BIN2 NULL, 
    scoring_container_name NVARCHAR(63) NOT NULL, 
    scoring_input_blob_folder NVARCHAR(1024) COLLATE Latin1_General_BIN2 NOT NULL DEFAULT '', 
    scoring_output_blob_folder NVARCHAR(1024) COLLATE Latin1_General_BIN2 NULL, 
    model_id NVARCHAR(200) NULL, 
    file_type NVARCHAR(100) NULL, 
    retrain NVARCHAR(20) NOT NULL DEFAULT 'on_change', 
    enabled BIT NOT NULL DEFAULT 1, 
    priority INTEGER NOT NULL DEFAULT '100', 
    parallelism INTEGER NOT NULL DEFAULT '15', 
    min_confidence FLOAT NULL, 
    locale NVARCHAR(35) NULL, 
    max_pages INTEGER NULL, 
    max_pages_per_run INTEGER NULL, 
    max_cost_per_run NUMERIC(38, 10) NULL, 
    max_train_runs INTEGER NULL, 
    max_attempts INTEGER NOT NULL DEFAULT '3', 
    keep_versions INTEGER NOT NULL DEFAULT '3', 
    split NVARCHAR(20) NOT NULL DEFAULT 'none', 
    sinks NVARCHAR(100) NOT NULL DEFAULT 'sql', 
    target_table NVARCHAR(128) NULL, 
    schema_contract NVARCHAR(20) NOT NULL DEFAULT 'evolve', 
    endpoint_secret NVARCHAR(127) NOT NULL DEFAULT 'CognitiveServiceEndpoint', 
    key_secret NVARCHAR(127) NOT NULL DEFAULT 'CognitiveServiceSubscriptionKey', 
    training_storage_account_secret NVARCHAR(127) NOT NULL DEFAULT 'StorageAccountName', 
    training_storage_sas_secret NVARCHAR(127) NOT NULL DEFAULT 'StorageAccountSasKey', 
    scoring_storage_account_secret NVARCHAR(127) NOT NULL DEFAULT 'StorageAccountName', 
    scoring_storage_sas_secret NVARCHAR(127) NOT NULL DEFAULT 'StorageAccountSasKey', 
    CONSTRAINT pk_form_type PRIMARY KEY (form_type), 
    CONSTRAINT ck_form_type_engine CHECK (engine IN ('local', 'form-recognizer', 'document-intelligence', 'language')), 
    CONSTRAINT ck_form_type_form_type_mssql CHECK (form_type COLLATE Latin1_General_BIN2 LIKE '[a-z]%' AND form_type COLLATE Latin1_General_BIN2 NOT LIKE '%[^a-z0-9_]%' AND form_type NOT LIKE '%[_][_]%'), 
    CONSTRAINT ck_form_type_model_kind CHECK (model_kind IN ('form', 'entities', 'classes')), 
    CONSTRAINT ck_form_type_retrain CHECK (retrain IN ('on_change', 'always', 'never')), 
    CONSTRAINT ck_form_type_schema_contract CHECK (schema_contract IN ('evolve', 'freeze', 'discard')), 
    CONSTRAINT ck_form_type_split CHECK (split IN ('none', 'per_page')), 
    CONSTRAINT ck_form_type_keep_versions CHECK (keep_versions IS NULL OR keep_versions >= 1), 
    CONSTRAINT ck_form_type_max_attempts CHECK (max_attempts IS NULL OR max_attempts >= 1), 
    CONSTRAINT ck_form_type_max_cost_per_run CHECK (max_cost_per_run IS NULL OR max_cost_per_run >= 0), 
    CONSTRAINT ck_form_type_max_pages CHECK (max_pages IS NULL OR max_pages >= 1), 
    CONSTRAINT ck_form_type_max_pages_per_run CHECK (max_pages_per_run IS NULL OR max_pages_per_run >= 1), 
    CONSTRAINT ck_form_type_max_train_runs CHECK (max_train_runs IS NULL OR max_train_runs >= 0), 
    CONSTRAINT ck_form_type_min_confidence CHECK (min_confidence IS NULL OR (min_confidence >= 0 AND min_confidence <= 1)), 
    CONSTRAINT ck_form_type_parallelism CHECK (parallelism IS NULL OR parallelism >= 1)
);

GO

CREATE TABLE lease (
    name NVARCHAR(120) NOT NULL, 
    holder NVARCHAR(200) NOT NULL, 
    heartbeat_at DATETIME2(6) NOT NULL, 
    expires_at DATETIME2(6) NOT NULL, 
    fencing INTEGER NOT NULL, 
    CONSTRAINT pk_lease PRIMARY KEY (name)
);

GO

CREATE TABLE model_bundle (
    sha256 NVARCHAR(64) NOT NULL, 
    content VARBINARY(max) NOT NULL, 
    CONSTRAINT pk_model_bundle PRIMARY KEY (sha256)
);

GO

CREATE TABLE run (
    id BIGINT NOT NULL IDENTITY, 
    started_at DATETIME2(6) NOT NULL, 
    finished_at DATETIME2(6) NULL, 
    state NVARCHAR(20) NOT NULL, 
    holder NVARCHAR(200) NOT NULL, 
    reason NVARCHAR(max) NULL, 
    CONSTRAINT pk_run PRIMARY KEY (id), 
    CONSTRAINT ck_run_state CHECK (state IN ('running', 'finished', 'stopped', 'failed', 'lost'))
);

GO

CREATE TABLE event (
    id BIGINT NOT NULL IDENTITY, 
    run_id BIGINT NULL, 
    at DATETIME2(6) NOT NULL, 
    name NVARCHAR(60) NOT NULL, 
    form_type NVARCHAR(40) NULL, 
    document_id BIGINT NULL, 
    details NVARCHAR(max) NOT NULL DEFAULT '{}', 
    CONSTRAINT pk_event PRIMARY KEY (id), 
    CONSTRAINT fk_event_run_id_run FOREIGN KEY(run_id) REFERENCES run (id)
);

GO

CREATE INDEX ix_event_run_id ON event (run_id);

GO

CREATE TABLE form_field (
    form_type NVARCHAR(40) NOT NULL, 
    field NVARCHAR(200) COLLATE Latin1_General_BIN2 NOT NULL, 
    type NVARCHAR(20) NOT NULL DEFAULT 'string', 
    format NVARCHAR(40) NOT NULL DEFAULT 'not-specified', 
    required BIT NOT NULL DEFAULT 0, 
    locale NVARCHAR(35) NULL, 
    min_confidence FLOAT NULL, 
    target_column NVARCHAR(128) NULL, 
    CONSTRAINT pk_form_field PRIMARY KEY (form_type, field), 
    CONSTRAINT ck_form_field_type CHECK (type IN ('string', 'number', 'integer', 'currency', 'date', 'time', 'phoneNumber', 'selectionMark')), 
    CONSTRAINT ck_form_field_min_confidence CHECK (min_confidence IS NULL OR (min_confidence >= 0 AND min_confidence <= 1)), 
    CONSTRAINT fk_form_field_form_type_form_type FOREIGN KEY(form_type) REFERENCES form_type (form_type) ON DELETE CASCADE
);

GO

CREATE TABLE model_version (
    id BIGINT NOT NULL IDENTITY, 
    form_batch_group_id NVARCHAR(40) NOT NULL, 
    version INTEGER NOT NULL, 
    engine NVARCHAR(40) NOT NULL, 
    api_version NVARCHAR(40) NULL, 
    model_kind NVARCHAR(20) NOT NULL, 
    service_model_id NVARCHAR(200) NULL, 
    bundle_sha256 NVARCHAR(64) NULL, 
    fingerprint NVARCHAR(64) NOT NULL, 
    state NVARCHAR(20) NOT NULL, 
    training_documents INTEGER NOT NULL DEFAULT '0', 
    fields NVARCHAR(max) NOT NULL DEFAULT '[]', 
    evaluation NVARCHAR(max) NULL, 
    f1 FLOAT NULL, 
    reason NVARCHAR(max) NULL, 
    created_at DATETIME2(6) NOT NULL, 
    promoted_at DATETIME2(6) NULL, 
    promoted_by NVARCHAR(100) NULL, 
    CONSTRAINT pk_model_version PRIMARY KEY (id), 
    CONSTRAINT ck_model_version_state CHECK (state IN ('training', 'candidate', 'active', 'retired', 'invalid')), 
    CONSTRAINT fk_model_version_bundle_sha256_model_bundle FOREIGN KEY(bundle_sha256) REFERENCES model_bundle (sha256), 
    CONSTRAINT uq_model_version_form_batch_group_id_version UNIQUE (form_batch_group_id, version)
);

GO

CREATE UNIQUE INDEX uq_model_version_one_active ON model_version (form_batch_group_id) WHERE state = 'active';

GO

CREATE TABLE run_row (
    run_id BIGINT NOT NULL, 
    form_type NVARCHAR(40) NOT NULL, 
    state NVARCHAR(20) NOT NULL, 
    decision NVARCHAR(max) NULL, 
    listed INTEGER NOT NULL DEFAULT '0', 
    loaded INTEGER NOT NULL DEFAULT '0', 
    partial INTEGER NOT NULL DEFAULT '0', 
    dead INTEGER NOT NULL DEFAULT '0', 
    retried INTEGER NOT NULL DEFAULT '0', 
    pages INTEGER NOT NULL DEFAULT '0', 
    ocr_pages INTEGER NOT NULL DEFAULT '0', 
    field_values INTEGER NOT NULL DEFAULT '0', 
    seconds FLOAT NOT NULL DEFAULT '0', 
    reason NVARCHAR(max) NULL, 
    CONSTRAINT pk_run_row PRIMARY KEY (run_id, form_type), 
    CONSTRAINT ck_run_row_state CHECK (state IN ('finished', 'skipped', 'stopped', 'failed')), 
    CONSTRAINT fk_run_row_run_id_run FOREIGN KEY(run_id) REFERENCES run (id)
);

GO

CREATE TABLE document (
    id BIGINT NOT NULL IDENTITY, 
    form_type NVARCHAR(40) NOT NULL, 
    account NVARCHAR(63) NOT NULL DEFAULT '', 
    container NVARCHAR(63) NOT NULL, 
    path NVARCHAR(1024) COLLATE Latin1_General_BIN2 NOT NULL, 
    path_hash NVARCHAR(64) NOT NULL, 
    etag NVARCHAR(128) NOT NULL, 
    size BIGINT NOT NULL, 
    content_hash NVARCHAR(64) NULL, 
    pages INTEGER NULL, 
    ocr_pages INTEGER NULL, 
    layout_confidence FLOAT NULL, 
    stage NVARCHAR(20) NOT NULL DEFAULT 'pending', 
    outcome NVARCHAR(20) NULL, 
    attempts INTEGER NOT NULL DEFAULT '0', 
    next_try_at DATETIME2(6) NULL, 
    reason NVARCHAR(60) NULL, 
    message NVARCHAR(max) NULL, 
    model_version_id BIGINT NULL, 
    run_id BIGINT NULL, 
    seconds FLOAT NULL, 
    first_seen_at DATETIME2(6) NOT NULL, 
    finished_at DATETIME2(6) NULL, 
    CONSTRAINT pk_document PRIMARY KEY (id), 
    CONSTRAINT ck_document_done_has_outcome CHECK ((stage = 'done' AND outcome IS NOT NULL) OR (stage <> 'done' AND outcome IS NULL)), 
    CONSTRAINT ck_document_outcome CHECK (outcome IS NULL OR outcome IN ('loaded', 'partial', 'dead', 'gone', 'unrouted')), 
    CONSTRAINT ck_document_stage CHECK (stage IN ('pending', 'claimed', 'submitting', 'submitted', 'done')), 
    CONSTRAINT fk_document_form_type_form_type FOREIGN KEY(form_type) REFERENCES form_type (form_type), 
    CONSTRAINT fk_document_model_version_id_model_version FOREIGN KEY(model_version_id) REFERENCES model_version (id), 
    CONSTRAINT fk_document_run_id_run FOREIGN KEY(run_id) REFERENCES run (id), 
    CONSTRAINT uq_document_form_type_path_hash UNIQUE (form_type, path_hash)
);

GO

CREATE INDEX ix_document_form_type_stage_id ON document (form_type, stage, id);

GO

CREATE TABLE part (
    id BIGINT NOT NULL IDENTITY, 
    document_id BIGINT NOT NULL, 
    number INTEGER NOT NULL, 
    first_page INTEGER NOT NULL, 
    last_page INTEGER NOT NULL, 
    doc_type NVARCHAR(200) NULL, 
    confidence FLOAT NULL, 
    CONSTRAINT pk_part PRIMARY KEY (id), 
    CONSTRAINT fk_part_document_id_document FOREIGN KEY(document_id) REFERENCES document (id) ON DELETE CASCADE, 
    CONSTRAINT uq_part_document_id_number UNIQUE (document_id, number)
);

GO

CREATE TABLE field_value (
    part_id BIGINT NOT NULL, 
    field NVARCHAR(200) COLLATE Latin1_General_BIN2 NOT NULL, 
    occurrence INTEGER NOT NULL DEFAULT '0', 
    source NVARCHAR(10) NOT NULL DEFAULT 'model', 
    text NVARCHAR(max) NULL, 
    value_text NVARCHAR(max) NULL, 
    value_number NUMERIC(38, 10) NULL, 
    value_date DATETIME NULL, 
    value_time DATETIME NULL, 
    value_mark NVARCHAR(10) NULL, 
    currency NVARCHAR(3) NULL, 
    page INTEGER NULL, 
    polygon NVARCHAR(max) NULL, 
    confidence FLOAT NULL, 
    layout_confidence FLOAT NULL, 
    ambiguous BIT NOT NULL DEFAULT 0, 
    review BIT NOT NULL DEFAULT 0, 
    CONSTRAINT pk_field_value PRIMARY KEY (part_id, field, occurrence, source), 
    CONSTRAINT ck_field_value_source CHECK (source IN ('model', 'person')), 
    CONSTRAINT fk_field_value_part_id_part FOREIGN KEY(part_id) REFERENCES part (id) ON DELETE CASCADE
);

GO

INSERT INTO alembic_version (version_num) OUTPUT inserted.version_num VALUES ('0001');

GO

-- Running upgrade 0001 -> 0002

CREATE TABLE operation (
    id BIGINT NOT NULL IDENTITY, 
    kind NVARCHAR(20) NOT NULL, 
    state NVARCHAR(20) NOT NULL DEFAULT 'intended', 
    form_batch_group_id NVARCHAR(40) NOT NULL, 
    model_version_id BIGINT NULL, 
    subject NVARCHAR(1200) COLLATE Latin1_General_BIN2 NOT NULL DEFAULT '', 
    url NVARCHAR(max) NOT NULL DEFAULT '', 
    holder NVARCHAR(200) NOT NULL, 
    intended_at DATETIME2(6) NOT NULL, 
    submitted_at DATETIME2(6) NULL, 
    deadline DATETIME2(6) NOT NULL, 
    finished_at DATETIME2(6) NULL, 
    reason NVARCHAR(60) NULL, 
    CONSTRAINT pk_operation PRIMARY KEY (id), 
    CONSTRAINT ck_operation_kind CHECK (kind IN ('train', 'compose', 'copy', 'layout', 'analyze', 'batch', 'classify')), 
    CONSTRAINT ck_operation_state CHECK (state IN ('intended', 'submitted', 'finished', 'failed', 'lost')), 
    CONSTRAINT fk_operation_model_version_id_model_version FOREIGN KEY(model_version_id) REFERENCES model_version (id)
);

GO

CREATE INDEX ix_operation_form_batch_group_id_state ON operation (form_batch_group_id, state);

GO

CREATE TABLE operation_document (
    document_id BIGINT NOT NULL, 
    operation_id BIGINT NOT NULL, 
    CONSTRAINT pk_operation_document PRIMARY KEY (document_id), 
    CONSTRAINT fk_operation_document_document_id_document FOREIGN KEY(document_id) REFERENCES document (id) ON DELETE CASCADE, 
    CONSTRAINT fk_operation_document_operation_id_operation FOREIGN KEY(operation_id) REFERENCES operation (id) ON DELETE CASCADE
);

GO

CREATE INDEX ix_operation_document_operation_id ON operation_document (operation_id);

GO

UPDATE alembic_version SET version_num='0002' WHERE alembic_version.version_num = '0001';

GO

-- Running upgrade 0002 -> 0003

ALTER TABLE form_type ADD confidence_columns BIT NOT NULL DEFAULT 0;

GO

CREATE TABLE table_cell (
    part_id BIGINT NOT NULL, 
    table_index INTEGER NOT NULL, 
    row_index INTEGER NOT NULL, 
    column_index INTEGER NOT NULL, 
    page INTEGER NOT NULL, 
    text NVARCHAR(max) NOT NULL DEFAULT '', 
    row_span INTEGER NOT NULL DEFAULT '1', 
    column_span INTEGER NOT NULL DEFAULT '1', 
    is_header BIT NOT NULL DEFAULT 0, 
    confidence FLOAT NULL, 
    CONSTRAINT pk_table_cell PRIMARY KEY (part_id, table_index, row_index, column_index), 
    CONSTRAINT fk_table_cell_part_id_part FOREIGN KEY(part_id) REFERENCES part (id) ON DELETE CASCADE
);

GO

CREATE TABLE delivery (
    document_id BIGINT NOT NULL, 
    sink NVARCHAR(20) NOT NULL, 
    state NVARCHAR(20) NOT NULL DEFAULT 'pending', 
    item_id NVARCHAR(64) NULL, 
    attempts INTEGER NOT NULL DEFAULT '0', 
    reason NVARCHAR(60) NULL, 
    queued_at DATETIME2(6) NOT NULL, 
    delivered_at DATETIME2(6) NULL, 
    CONSTRAINT pk_delivery PRIMARY KEY (document_id, sink), 
    CONSTRAINT ck_delivery_state CHECK (state IN ('pending', 'delivered', 'failed')), 
    CONSTRAINT fk_delivery_document_id_document FOREIGN KEY(document_id) REFERENCES document (id) ON DELETE CASCADE
);

GO

CREATE INDEX ix_delivery_sink_state_document_id ON delivery (sink, state, document_id);

GO

CREATE TABLE forgotten (
    form_type NVARCHAR(40) NOT NULL, 
    path_hash NVARCHAR(64) NOT NULL, 
    etag NVARCHAR(128) NOT NULL, 
    outcome NVARCHAR(20) NULL, 
    pages INTEGER NULL, 
    field_values INTEGER NOT NULL DEFAULT '0', 
    forgotten_at DATETIME2(6) NOT NULL, 
    CONSTRAINT pk_forgotten PRIMARY KEY (form_type, path_hash), 
    CONSTRAINT fk_forgotten_form_type_form_type FOREIGN KEY(form_type) REFERENCES form_type (form_type) ON DELETE CASCADE
);

GO

UPDATE alembic_version SET version_num='0003' WHERE alembic_version.version_num = '0002';

GO

-- Running upgrade 0003 -> 0004

UPDATE form_type SET form_batch_group_id = NULL WHERE ltrim(form_batch_group_id) = '';

GO

UPDATE form_type SET sinks = 'sql' WHERE ltrim(sinks) = '';

GO

UPDATE form_field SET format = 'not-specified' WHERE ltrim(format) = '';

GO

ALTER TABLE form_type DROP CONSTRAINT ck_form_type_parallelism;

GO

ALTER TABLE form_type DROP CONSTRAINT ck_form_type_max_attempts;

GO

ALTER TABLE form_type DROP CONSTRAINT ck_form_type_keep_versions;

GO

ALTER TABLE form_type DROP CONSTRAINT ck_form_type_max_cost_per_run;

GO

ALTER TABLE form_type ADD CONSTRAINT ck_form_type_form_batch_group_id CHECK (form_batch_group_id IS NULL OR ltrim(form_batch_group_id) <> '');

GO

ALTER TABLE form_type ADD CONSTRAINT ck_form_type_api_version CHECK ((engine = 'local' AND (api_version IS NULL OR api_version = '')) OR (engine = 'form-recognizer' AND api_version IS NOT NULL AND api_version IN ('v2.0-preview', 'v2.0', 'v2.1-preview.1', 'v2.1-preview.2', 'v2.1-preview.3', 'v2.1')) OR (engine = 'document-intelligence' AND api_version IS NOT NULL AND api_version IN ('2022-08-31', '2023-07-31', '2024-11-30')) OR (engine = 'language' AND api_version IS NOT NULL AND api_version IN ('v1.0-preview.2', '2021-11-01-preview', '2022-05-01', '2023-04-01')));

GO

ALTER TABLE form_type ADD CONSTRAINT ck_form_type_priority CHECK (priority >= 0 AND priority <= 10000);

GO

ALTER TABLE form_type ADD CONSTRAINT ck_form_type_parallelism CHECK (parallelism >= 1 AND parallelism <= 1000);

GO

ALTER TABLE form_type ADD CONSTRAINT ck_form_type_max_attempts CHECK (max_attempts >= 1 AND max_attempts <= 100);

GO

ALTER TABLE form_type ADD CONSTRAINT ck_form_type_keep_versions CHECK (keep_versions >= 1 AND keep_versions <= 1000);

GO

ALTER TABLE form_type ADD CONSTRAINT ck_form_type_sinks CHECK (sinks IS NULL OR ltrim(sinks) <> '');

GO

ALTER TABLE form_type ADD CONSTRAINT ck_form_type_routes CHECK (routes = 0 OR model_kind = 'classes');

GO

ALTER TABLE form_type ADD CONSTRAINT ck_form_type_training_container_name CHECK (len(trim(training_container_name)) BETWEEN 3 AND 63);

GO

ALTER TABLE form_type ADD CONSTRAINT ck_form_type_scoring_container_name CHECK (len(trim(scoring_container_name)) BETWEEN 3 AND 63);

GO

ALTER TABLE form_type ADD CONSTRAINT ck_form_type_max_cost_per_run CHECK (max_cost_per_run IS NULL OR max_cost_per_run >= 0);

GO

ALTER TABLE form_field ADD CONSTRAINT ck_form_field_field CHECK (field IS NULL OR ltrim(field) <> '');

GO

ALTER TABLE form_field ADD CONSTRAINT ck_form_field_format CHECK (format IN ('not-specified', 'currency', 'decimal', 'decimal-comma-seperated', 'no-whitespaces', 'alphanumeric', 'dmy', 'mdy', 'ymd'));

GO

UPDATE alembic_version SET version_num='0004' WHERE alembic_version.version_num = '0003';

GO

-- Running upgrade 0004 -> 0005

ALTER TABLE form_type ADD on_gone NVARCHAR(20) NOT NULL DEFAULT 'keep';

GO

ALTER TABLE form_type ADD CONSTRAINT ck_form_type_on_gone CHECK (on_gone IN ('keep', 'remove'));

GO

ALTER TABLE form_type ADD on_rename NVARCHAR(20) NOT NULL DEFAULT 'reuse';

GO

ALTER TABLE form_type ADD CONSTRAINT ck_form_type_on_rename CHECK (on_rename IN ('reuse', 'score'));

GO

ALTER TABLE run_row ADD gone INTEGER NOT NULL DEFAULT '0';

GO

ALTER TABLE run_row ADD reused INTEGER NOT NULL DEFAULT '0';

GO

ALTER TABLE run_row ADD left_over INTEGER NOT NULL DEFAULT '0';

GO

ALTER TABLE run_row ADD cost NUMERIC(38, 10) NULL;

GO

CREATE TABLE budget (
    resource NVARCHAR(64) NOT NULL, 
    operation_class NVARCHAR(20) NOT NULL, 
    next_at FLOAT(53) NOT NULL DEFAULT '0', 
    held_until FLOAT(53) NOT NULL DEFAULT '0', 
    CONSTRAINT pk_budget PRIMARY KEY (resource, operation_class)
);

GO

ALTER TABLE document ADD claimed_by BIGINT NULL;

GO

CREATE INDEX ix_document_form_type_content_hash ON document (form_type, content_hash);

GO

CREATE INDEX ix_document_claimed_by ON document (claimed_by) WHERE claimed_by IS NOT NULL;

GO

UPDATE alembic_version SET version_num='0005' WHERE alembic_version.version_num = '0004';

GO

-- Running upgrade 0005 -> 0006

ALTER TABLE field_value ADD text_offset INTEGER NULL;

GO

ALTER TABLE field_value ADD text_length INTEGER NULL;

GO

UPDATE alembic_version SET version_num='0006' WHERE alembic_version.version_num = '0005';

GO

-- Running upgrade 0006 -> 0007

ALTER TABLE run_row ADD routed INTEGER NOT NULL DEFAULT '0';

GO

ALTER TABLE run_row ADD unrouted INTEGER NOT NULL DEFAULT '0';

GO

ALTER TABLE document ADD routed_from BIGINT NULL;

GO

ALTER TABLE document ADD first_page INTEGER NULL;

GO

ALTER TABLE document ADD last_page INTEGER NULL;

GO

CREATE INDEX ix_document_routed_from ON document (routed_from) WHERE routed_from IS NOT NULL;

GO

CREATE TABLE text_label (
    form_type NVARCHAR(40) NOT NULL, 
    path_hash NVARCHAR(64) NOT NULL, 
    account NVARCHAR(63) NOT NULL DEFAULT '', 
    container NVARCHAR(63) NOT NULL, 
    path NVARCHAR(1024) COLLATE Latin1_General_BIN2 NOT NULL, 
    first_page INTEGER NULL, 
    last_page INTEGER NULL, 
    etag NVARCHAR(128) NOT NULL, 
    class NVARCHAR(40) NOT NULL, 
    labelled_at DATETIME2(6) NOT NULL, 
    labelled_by NVARCHAR(200) NOT NULL, 
    CONSTRAINT pk_text_label PRIMARY KEY (form_type, path_hash), 
    CONSTRAINT fk_text_label_form_type_form_type FOREIGN KEY(form_type) REFERENCES form_type (form_type) ON DELETE CASCADE
);

GO

UPDATE alembic_version SET version_num='0007' WHERE alembic_version.version_num = '0006';

GO

-- Running upgrade 0007 -> 0008

ALTER TABLE run ADD parent_id BIGINT NULL;

GO

ALTER TABLE run ADD stop_asked_at DATETIME2(6) NULL;

GO

CREATE INDEX ix_run_parent_id ON run (parent_id) WHERE parent_id IS NOT NULL;

GO

CREATE TABLE allotment (
    run_id BIGINT NOT NULL, 
    form_type NVARCHAR(40) NOT NULL, 
    pages BIGINT NOT NULL DEFAULT '0', 
    cost BIGINT NOT NULL DEFAULT '0', 
    CONSTRAINT pk_allotment PRIMARY KEY (run_id, form_type), 
    CONSTRAINT fk_allotment_run_id_run FOREIGN KEY(run_id) REFERENCES run (id)
);

GO

UPDATE alembic_version SET version_num='0008' WHERE alembic_version.version_num = '0007';

GO

COMMIT;

GO

