-- sqlite3 -bail formpipe.db < schema.sql

PRAGMA foreign_keys = OFF;

PRAGMA legacy_alter_table = ON;

BEGIN IMMEDIATE;

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 0001

CREATE TABLE form_type (
    form_type VARCHAR(40) NOT NULL, 
    form_description TEXT, 
    form_batch_group_id VARCHAR(40), 
    engine VARCHAR(40) DEFAULT 'local' NOT NULL, 
    api_version VARCHAR(40), 
    allow_retired BOOLEAN DEFAULT 0 NOT NULL, 
    model_kind VARCHAR(20) DEFAULT 'form' NOT NULL, 
    routes BOOLEAN DEFAULT 0 NOT NULL, 
    training_container_name VARCHAR(63) NOT NULL, 
    training_blob_root_folder VARCHAR(1024) COLLATE "BINARY" DEFAULT '' NOT NULL, 
    include_subfolders BOOLEAN DEFAULT 0 NOT NULL, 
    use_label_file BOOLEAN DEFAULT 1 NOT NULL, 
    evaluation_blob_folder VARCHAR(1024) COLLATE "BINARY", 
    scoring_container_name VARCHAR(63) NOT NULL, 
    scoring_input_blob_folder VARCHAR(1024) COLLATE "BINARY" DEFAULT '' NOT NULL, 
    scoring_output_blob_folder VARCHAR(1024) COLLATE "BINARY", 
    model_id VARCHAR(200), 
    file_type VARCHAR(100), 
    retrain VARCHAR(20) DEFAULT 'on_change' NOT NULL, 
    enabled BOOLEAN DEFAULT 1 NOT NULL, 
    priority INTEGER DEFAULT '100' NOT NULL, 
    parallelism INTEGER DEFAULT '15' NOT NULL, 
    min_confidence FLOAT, 
    locale VARCHAR(35), 
    max_pages INTEGER, 
    max_pages_per_run INTEGER, 
    max_cost_per_run TEXT, 
    max_train_runs INTEGER, 
    max_attempts INTEGER DEFAULT '3' NOT NULL, 
    keep_versions INTEGER DEFAULT '3' NOT NULL, 
    split VARCHAR(20) DEFAULT 'none' NOT NULL, 
    sinks VARCHAR(100) DEFAULT 'sql' NOT NULL, 
    target_table VARCHAR(128), 
    schema_contract VARCHAR(20) DEFAULT 'evolve' NOT NULL, 
    endpoint_secret VARCHAR(127) DEFAULT 'CognitiveServiceEndpoint' NOT NULL, 
    key_secret VARCHAR(127) DEFAULT 'CognitiveServiceSubscriptionKey' NOT NULL, 
    training_storage_account_secret VARCHAR(127) DEFAULT 'StorageAccountName' NOT NULL, 
    training_storage_sas_secret VARCHAR(127) DEFAULT 'StorageAccountSasKey' NOT NULL, 
    scoring_storage_account_secret VARCHAR(127) DEFAULT 'StorageAccountName' NOT NULL, 
    scoring_storage_sas_secret VARCHAR(127) DEFAULT 'StorageAccountSasKey' NOT NULL, 
    CONSTRAINT pk_form_type PRIMARY KEY (form_type), 
    CONSTRAINT ck_form_type_engine CHECK (engine IN ('local', 'form-recognizer', 'document-intelligence', 'language')), 
    CONSTRAINT ck_form_type_form_type_sqlite CHECK (form_type GLOB '[a-z]*' AND form_type NOT GLOB '*[^a-z0-9_]*' AND form_type NOT GLOB '*__*' AND length(form_type) <= 40), 
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

CREATE TABLE lease (
    name VARCHAR(120) NOT NULL, 
    holder VARCHAR(200) NOT NULL, 
    heartbeat_at DATETIME NOT NULL, 
    expires_at DATETIME NOT NULL, 
    fencing INTEGER NOT NULL, 
    CONSTRAINT pk_lease PRIMARY KEY (name)
);

CREATE TABLE model_bundle (
    sha256 VARCHAR(64) NOT NULL, 
    content BLOB NOT NULL, 
    CONSTRAINT pk_model_bundle PRIMARY KEY (sha256)
);

CREATE TABLE run (
    id INTEGER NOT NULL, 
    started_at DATETIME NOT NULL, 
    finished_at DATETIME, 
    state VARCHAR(20) NOT NULL, 
    holder VARCHAR(200) NOT NULL, 
    reason TEXT, 
    CONSTRAINT pk_run PRIMARY KEY (id), 
    CONSTRAINT ck_run_state CHECK (state IN ('running', 'finished', 'stopped', 'failed', 'lost'))
);

CREATE TABLE event (
    id INTEGER NOT NULL, 
    run_id INTEGER, 
    at DATETIME NOT NULL, 
    name VARCHAR(60) NOT NULL, 
    form_type VARCHAR(40), 
    document_id INTEGER, 
    details TEXT DEFAULT '{}' NOT NULL, 
    CONSTRAINT pk_event PRIMARY KEY (id), 
    CONSTRAINT fk_event_run_id_run FOREIGN KEY(run_id) REFERENCES run (id)
);

CREATE INDEX ix_event_run_id ON event (run_id);

CREATE TABLE form_field (
    form_type VARCHAR(40) NOT NULL, 
    field VARCHAR(200) COLLATE "BINARY" NOT NULL, 
    type VARCHAR(20) DEFAULT 'string' NOT NULL, 
    format VARCHAR(40) DEFAULT 'not-specified' NOT NULL, 
    required BOOLEAN DEFAULT 0 NOT NULL, 
    locale VARCHAR(35), 
    min_confidence FLOAT, 
    target_column VARCHAR(128), 
    CONSTRAINT pk_form_field PRIMARY KEY (form_type, field), 
    CONSTRAINT ck_form_field_type CHECK (type IN ('string', 'number', 'integer', 'currency', 'date', 'time', 'phoneNumber', 'selectionMark')), 
    CONSTRAINT ck_form_field_min_confidence CHECK (min_confidence IS NULL OR (min_confidence >= 0 AND min_confidence <= 1)), 
    CONSTRAINT fk_form_field_form_type_form_type FOREIGN KEY(form_type) REFERENCES form_type (form_type) ON DELETE CASCADE
);

CREATE TABLE model_version (
    id INTEGER NOT NULL, 
    form_batch_group_id VARCHAR(40) NOT NULL, 
    version INTEGER NOT NULL, 
    engine VARCHAR(40) NOT NULL, 
    api_version VARCHAR(40), 
    model_kind VARCHAR(20) NOT NULL, 
    service_model_id VARCHAR(200), 
    bundle_sha256 VARCHAR(64), 
    fingerprint VARCHAR(64) NOT NULL, 
    state VARCHAR(20) NOT NULL, 
    training_documents INTEGER DEFAULT '0' NOT NULL, 
    fields TEXT DEFAULT '[]' NOT NULL, 
    evaluation TEXT, 
    f1 FLOAT, 
    reason TEXT, 
    created_at DATETIME NOT NULL, 
    promoted_at DATETIME, 
    promoted_by VARCHAR(100), 
    CONSTRAINT pk_model_version PRIMARY KEY (id), 
    CONSTRAINT ck_model_version_state CHECK (state IN ('training', 'candidate', 'active', 'retired', 'invalid')), 
    CONSTRAINT fk_model_version_bundle_sha256_model_bundle FOREIGN KEY(bundle_sha256) REFERENCES model_bundle (sha256), 
    CONSTRAINT uq_model_version_form_batch_group_id_version UNIQUE (form_batch_group_id, version)
);

CREATE UNIQUE INDEX uq_model_version_one_active ON model_version (form_batch_group_id) WHERE state = 'active';

CREATE TABLE run_row (
    run_id INTEGER NOT NULL, 
    form_type VARCHAR(40) NOT NULL, 
    state VARCHAR(20) NOT NULL, 
    decision TEXT, 
    listed INTEGER DEFAULT '0' NOT NULL, 
    loaded INTEGER DEFAULT '0' NOT NULL, 
    partial INTEGER DEFAULT '0' NOT NULL, 
    dead INTEGER DEFAULT '0' NOT NULL, 
    retried INTEGER DEFAULT '0' NOT NULL, 
    pages INTEGER DEFAULT '0' NOT NULL, 
    ocr_pages INTEGER DEFAULT '0' NOT NULL, 
    field_values INTEGER DEFAULT '0' NOT NULL, 
    seconds FLOAT DEFAULT '0' NOT NULL, 
    reason TEXT, 
    CONSTRAINT pk_run_row PRIMARY KEY (run_id, form_type), 
    CONSTRAINT ck_run_row_state CHECK (state IN ('finished', 'skipped', 'stopped', 'failed')), 
    CONSTRAINT fk_run_row_run_id_run FOREIGN KEY(run_id) REFERENCES run (id)
);

CREATE TABLE document (
    id INTEGER NOT NULL, 
    form_type VARCHAR(40) NOT NULL, 
    account VARCHAR(63) DEFAULT '' NOT NULL, 
    container VARCHAR(63) NOT NULL, 
    path VARCHAR(1024) COLLATE "BINARY" NOT NULL, 
    path_hash VARCHAR(64) NOT NULL, 
    etag VARCHAR(128) NOT NULL, 
    size INTEGER NOT NULL, 
    content_hash VARCHAR(64), 
    pages INTEGER, 
    ocr_pages INTEGER, 
    layout_confidence FLOAT, 
    stage VARCHAR(20) DEFAULT 'pending' NOT NULL, 
    outcome VARCHAR(20), 
    attempts INTEGER DEFAULT '0' NOT NULL, 
    next_try_at DATETIME, 
    reason VARCHAR(60), 
    message TEXT, 
    model_version_id INTEGER, 
    run_id INTEGER, 
    seconds FLOAT, 
    first_seen_at DATETIME NOT NULL, 
    finished_at DATETIME, 
    CONSTRAINT pk_document PRIMARY KEY (id), 
    CONSTRAINT ck_document_done_has_outcome CHECK ((stage = 'done' AND outcome IS NOT NULL) OR (stage <> 'done' AND outcome IS NULL)), 
    CONSTRAINT ck_document_outcome CHECK (outcome IS NULL OR outcome IN ('loaded', 'partial', 'dead', 'gone', 'unrouted')), 
    CONSTRAINT ck_document_stage CHECK (stage IN ('pending', 'claimed', 'submitting', 'submitted', 'done')), 
    CONSTRAINT fk_document_form_type_form_type FOREIGN KEY(form_type) REFERENCES form_type (form_type), 
    CONSTRAINT fk_document_model_version_id_model_version FOREIGN KEY(model_version_id) REFERENCES model_version (id), 
    CONSTRAINT fk_document_run_id_run FOREIGN KEY(run_id) REFERENCES run (id), 
    CONSTRAINT uq_document_form_type_path_hash UNIQUE (form_type, path_hash)
);

CREATE INDEX ix_document_form_type_stage_id ON document (form_type, stage, id);

CREATE TABLE part (
    id INTEGER NOT NULL, 
    document_id INTEGER NOT NULL, 
    number INTEGER NOT NULL, 
    first_page INTEGER NOT NULL, 
    last_page INTEGER NOT NULL, 
    doc_type VARCHAR(200), 
    confidence FLOAT, 
    CONSTRAINT pk_part PRIMARY KEY (id), 
    CONSTRAINT fk_part_document_id_document FOREIGN KEY(document_id) REFERENCES document (id) ON DELETE CASCADE, 
    CONSTRAINT uq_part_document_id_number UNIQUE (document_id, number)
);

CREATE TABLE field_value (
    part_id INTEGER NOT NULL, 
    field VARCHAR(200) COLLATE "BINARY" NOT NULL, 
    occurrence INTEGER DEFAULT '0' NOT NULL, 
    source VARCHAR(10) DEFAULT 'model' NOT NULL, 
    text TEXT, 
    value_text TEXT, 
    value_number TEXT, 
    value_date DATE, 
    value_time TIME, 
    value_mark VARCHAR(10), 
    currency VARCHAR(3), 
    page INTEGER, 
    polygon TEXT, 
    confidence FLOAT, 
    layout_confidence FLOAT, 
    ambiguous BOOLEAN DEFAULT 0 NOT NULL, 
    review BOOLEAN DEFAULT 0 NOT NULL, 
    CONSTRAINT pk_field_value PRIMARY KEY (part_id, field, occurrence, source), 
    CONSTRAINT ck_field_value_source CHECK (source IN ('model', 'person')), 
    CONSTRAINT fk_field_value_part_id_part FOREIGN KEY(part_id) REFERENCES part (id) ON DELETE CASCADE
);

INSERT INTO alembic_version (version_num) VALUES ('0001') RETURNING version_num;

-- Running upgrade 0001 -> 0002

CREATE TABLE operation (
    id INTEGER NOT NULL, 
    kind VARCHAR(20) NOT NULL, 
    state VARCHAR(20) DEFAULT 'intended' NOT NULL, 
    form_batch_group_id VARCHAR(40) NOT NULL, 
    model_version_id INTEGER, 
    subject VARCHAR(1200) COLLATE "BINARY" DEFAULT '' NOT NULL, 
    url TEXT DEFAULT '' NOT NULL, 
    holder VARCHAR(200) NOT NULL, 
    intended_at DATETIME NOT NULL, 
    submitted_at DATETIME, 
    deadline DATETIME NOT NULL, 
    finished_at DATETIME, 
    reason VARCHAR(60), 
    CONSTRAINT pk_operation PRIMARY KEY (id), 
    CONSTRAINT ck_operation_kind CHECK (kind IN ('train', 'compose', 'copy', 'layout', 'analyze', 'batch', 'classify')), 
    CONSTRAINT ck_operation_state CHECK (state IN ('intended', 'submitted', 'finished', 'failed', 'lost')), 
    CONSTRAINT fk_operation_model_version_id_model_version FOREIGN KEY(model_version_id) REFERENCES model_version (id)
);

CREATE INDEX ix_operation_form_batch_group_id_state ON operation (form_batch_group_id, state);

CREATE TABLE operation_document (
    document_id INTEGER NOT NULL, 
    operation_id INTEGER NOT NULL, 
    CONSTRAINT pk_operation_document PRIMARY KEY (document_id), 
    CONSTRAINT fk_operation_document_document_id_document FOREIGN KEY(document_id) REFERENCES document (id) ON DELETE CASCADE, 
    CONSTRAINT fk_operation_document_operation_id_operation FOREIGN KEY(operation_id) REFERENCES operation (id) ON DELETE CASCADE
);

CREATE INDEX ix_operation_document_operation_id ON operation_document (operation_id);

UPDATE alembic_version SET version_num='0002' WHERE alembic_version.version_num = '0001';

-- Running upgrade 0002 -> 0003

ALTER TABLE form_type ADD COLUMN confidence_columns BOOLEAN DEFAULT 0 NOT NULL;

CREATE TABLE table_cell (
    part_id INTEGER NOT NULL, 
    table_index INTEGER NOT NULL, 
    row_index INTEGER NOT NULL, 
    column_index INTEGER NOT NULL, 
    page INTEGER NOT NULL, 
    text TEXT DEFAULT '' NOT NULL, 
    row_span INTEGER DEFAULT '1' NOT NULL, 
    column_span INTEGER DEFAULT '1' NOT NULL, 
    is_header BOOLEAN DEFAULT 0 NOT NULL, 
    confidence FLOAT, 
    CONSTRAINT pk_table_cell PRIMARY KEY (part_id, table_index, row_index, column_index), 
    CONSTRAINT fk_table_cell_part_id_part FOREIGN KEY(part_id) REFERENCES part (id) ON DELETE CASCADE
);

CREATE TABLE delivery (
    document_id INTEGER NOT NULL, 
    sink VARCHAR(20) NOT NULL, 
    state VARCHAR(20) DEFAULT 'pending' NOT NULL, 
    item_id VARCHAR(64), 
    attempts INTEGER DEFAULT '0' NOT NULL, 
    reason VARCHAR(60), 
    queued_at DATETIME NOT NULL, 
    delivered_at DATETIME, 
    CONSTRAINT pk_delivery PRIMARY KEY (document_id, sink), 
    CONSTRAINT ck_delivery_state CHECK (state IN ('pending', 'delivered', 'failed')), 
    CONSTRAINT fk_delivery_document_id_document FOREIGN KEY(document_id) REFERENCES document (id) ON DELETE CASCADE
);

CREATE INDEX ix_delivery_sink_state_document_id ON delivery (sink, state, document_id);

CREATE TABLE forgotten (
    form_type VARCHAR(40) NOT NULL, 
    path_hash VARCHAR(64) NOT NULL, 
    etag VARCHAR(128) NOT NULL, 
    outcome VARCHAR(20), 
    pages INTEGER, 
    field_values INTEGER DEFAULT '0' NOT NULL, 
    forgotten_at DATETIME NOT NULL, 
    CONSTRAINT pk_forgotten PRIMARY KEY (form_type, path_hash), 
    CONSTRAINT fk_forgotten_form_type_form_type FOREIGN KEY(form_type) REFERENCES form_type (form_type) ON DELETE CASCADE
);

UPDATE alembic_version SET version_num='0003' WHERE alembic_version.version_num = '0002';

-- Running upgrade 0003 -> 0004

UPDATE form_type SET form_batch_group_id = NULL WHERE ltrim(form_batch_group_id) = '';

UPDATE form_type SET sinks = 'sql' WHERE ltrim(sinks) = '';

UPDATE form_field SET format = 'not-specified' WHERE ltrim(format) = '';

CREATE TABLE form_type_new (
    form_type VARCHAR(40) NOT NULL, 
    form_description TEXT, 
    form_batch_group_id VARCHAR(40), 
    engine VARCHAR(40) DEFAULT 'local' NOT NULL, 
    api_version VARCHAR(40), 
    allow_retired BOOLEAN DEFAULT 0 NOT NULL, 
    model_kind VARCHAR(20) DEFAULT 'form' NOT NULL, 
    routes BOOLEAN DEFAULT 0 NOT NULL, 
    training_container_name VARCHAR(63) NOT NULL, 
    training_blob_root_folder VARCHAR(1024) COLLATE "BINARY" DEFAULT '' NOT NULL, 
    include_subfolders BOOLEAN DEFAULT 0 NOT NULL, 
    use_label_file BOOLEAN DEFAULT 1 NOT NULL, 
    evaluation_blob_folder VARCHAR(1024) COLLATE "BINARY", 
    scoring_container_name VARCHAR(63) NOT NULL, 
    scoring_input_blob_folder VARCHAR(1024) COLLATE "BINARY" DEFAULT '' NOT NULL, 
    scoring_output_blob_folder VARCHAR(1024) COLLATE "BINARY", 
    model_id VARCHAR(200), 
    file_type VARCHAR(100), 
    retrain VARCHAR(20) DEFAULT 'on_change' NOT NULL, 
    enabled BOOLEAN DEFAULT 1 NOT NULL, 
    priority INTEGER DEFAULT '100' NOT NULL, 
    parallelism INTEGER DEFAULT '15' NOT NULL, 
    min_confidence FLOAT, 
    locale VARCHAR(35), 
    max_pages INTEGER, 
    max_pages_per_run INTEGER, 
    max_cost_per_run TEXT, 
    max_train_runs INTEGER, 
    max_attempts INTEGER DEFAULT '3' NOT NULL, 
    keep_versions INTEGER DEFAULT '3' NOT NULL, 
    split VARCHAR(20) DEFAULT 'none' NOT NULL, 
    sinks VARCHAR(100) DEFAULT 'sql' NOT NULL, 
    target_table VARCHAR(128), 
    schema_contract VARCHAR(20) DEFAULT 'evolve' NOT NULL, 
    endpoint_secret VARCHAR(127) DEFAULT 'CognitiveServiceEndpoint' NOT NULL, 
    key_secret VARCHAR(127) DEFAULT 'CognitiveServiceSubscriptionKey' NOT NULL, 
    training_storage_account_secret VARCHAR(127) DEFAULT 'StorageAccountName' NOT NULL, 
    training_storage_sas_secret VARCHAR(127) DEFAULT 'StorageAccountSasKey' NOT NULL, 
    scoring_storage_account_secret VARCHAR(127) DEFAULT 'StorageAccountName' NOT NULL, 
    scoring_storage_sas_secret VARCHAR(127) DEFAULT 'StorageAccountSasKey' NOT NULL, 
    confidence_columns BOOLEAN DEFAULT 0 NOT NULL, 
    CONSTRAINT pk_form_type PRIMARY KEY (form_type), 
    CONSTRAINT ck_form_type_form_type_sqlite CHECK (form_type GLOB '[a-z]*' AND form_type NOT GLOB '*[^a-z0-9_]*' AND form_type NOT GLOB '*__*' AND length(form_type) <= 40), 
    CONSTRAINT ck_form_type_engine CHECK (engine IN ('local', 'form-recognizer', 'document-intelligence', 'language')), 
    CONSTRAINT ck_form_type_model_kind CHECK (model_kind IN ('form', 'entities', 'classes')), 
    CONSTRAINT ck_form_type_retrain CHECK (retrain IN ('on_change', 'always', 'never')), 
    CONSTRAINT ck_form_type_schema_contract CHECK (schema_contract IN ('evolve', 'freeze', 'discard')), 
    CONSTRAINT ck_form_type_split CHECK (split IN ('none', 'per_page')), 
    CONSTRAINT ck_form_type_min_confidence CHECK (min_confidence IS NULL OR (min_confidence >= 0 AND min_confidence <= 1)), 
    CONSTRAINT ck_form_type_max_pages CHECK (max_pages IS NULL OR max_pages >= 1), 
    CONSTRAINT ck_form_type_max_pages_per_run CHECK (max_pages_per_run IS NULL OR max_pages_per_run >= 1), 
    CONSTRAINT ck_form_type_max_train_runs CHECK (max_train_runs IS NULL OR max_train_runs >= 0), 
    CONSTRAINT ck_form_type_form_batch_group_id CHECK (form_batch_group_id IS NULL OR ltrim(form_batch_group_id) <> ''), 
    CONSTRAINT ck_form_type_api_version CHECK ((engine = 'local' AND (api_version IS NULL OR api_version = '')) OR (engine = 'form-recognizer' AND api_version IS NOT NULL AND api_version IN ('v2.0-preview', 'v2.0', 'v2.1-preview.1', 'v2.1-preview.2', 'v2.1-preview.3', 'v2.1')) OR (engine = 'document-intelligence' AND api_version IS NOT NULL AND api_version IN ('2022-08-31', '2023-07-31', '2024-11-30')) OR (engine = 'language' AND api_version IS NOT NULL AND api_version IN ('v1.0-preview.2', '2021-11-01-preview', '2022-05-01', '2023-04-01'))), 
    CONSTRAINT ck_form_type_priority CHECK (priority >= 0 AND priority <= 10000), 
    CONSTRAINT ck_form_type_parallelism CHECK (parallelism >= 1 AND parallelism <= 1000), 
    CONSTRAINT ck_form_type_max_attempts CHECK (max_attempts >= 1 AND max_attempts <= 100), 
    CONSTRAINT ck_form_type_keep_versions CHECK (keep_versions >= 1 AND keep_versions <= 1000), 
    CONSTRAINT ck_form_type_sinks CHECK (sinks IS NULL OR ltrim(sinks) <> ''), 
    CONSTRAINT ck_form_type_routes CHECK (routes = 0 OR model_kind = 'classes'), 
    CONSTRAINT ck_form_type_training_container_name CHECK (length(trim(training_container_name)) BETWEEN 3 AND 63), 
    CONSTRAINT ck_form_type_scoring_container_name CHECK (length(trim(scoring_container_name)) BETWEEN 3 AND 63), 
    CONSTRAINT ck_form_type_max_cost_per_run CHECK (max_cost_per_run IS NULL OR (max_cost_per_run GLOB '*[0-9]*' AND max_cost_per_run NOT GLOB '*[^0-9.]*' AND max_cost_per_run NOT GLOB '*.*.*')), 
    CONSTRAINT ck_form_type_whole_numbers_sqlite CHECK (typeof(priority) = 'integer' AND typeof(parallelism) = 'integer' AND (max_pages IS NULL OR typeof(max_pages) = 'integer') AND (max_pages_per_run IS NULL OR typeof(max_pages_per_run) = 'integer') AND (max_train_runs IS NULL OR typeof(max_train_runs) = 'integer') AND typeof(max_attempts) = 'integer' AND typeof(keep_versions) = 'integer'), 
    CONSTRAINT ck_form_type_flags_sqlite CHECK (allow_retired IN (0, 1) AND routes IN (0, 1) AND include_subfolders IN (0, 1) AND use_label_file IN (0, 1) AND enabled IN (0, 1) AND confidence_columns IN (0, 1)), 
    CONSTRAINT ck_form_type_lengths_sqlite CHECK (length(form_type) <= 40 AND length(form_batch_group_id) <= 40 AND length(engine) <= 40 AND length(api_version) <= 40 AND length(model_kind) <= 20 AND length(training_container_name) <= 63 AND length(training_blob_root_folder) <= 1024 AND length(evaluation_blob_folder) <= 1024 AND length(scoring_container_name) <= 63 AND length(scoring_input_blob_folder) <= 1024 AND length(scoring_output_blob_folder) <= 1024 AND length(model_id) <= 200 AND length(file_type) <= 100 AND length(retrain) <= 20 AND length(locale) <= 35 AND length(split) <= 20 AND length(sinks) <= 100 AND length(target_table) <= 128 AND length(schema_contract) <= 20 AND length(endpoint_secret) <= 127 AND length(key_secret) <= 127 AND length(training_storage_account_secret) <= 127 AND length(training_storage_sas_secret) <= 127 AND length(scoring_storage_account_secret) <= 127 AND length(scoring_storage_sas_secret) <= 127)
);

INSERT INTO form_type_new (form_type, form_description, form_batch_group_id, engine, api_version, allow_retired, model_kind, routes, training_container_name, training_blob_root_folder, include_subfolders, use_label_file, evaluation_blob_folder, scoring_container_name, scoring_input_blob_folder, scoring_output_blob_folder, model_id, file_type, retrain, enabled, priority, parallelism, min_confidence, locale, max_pages, max_pages_per_run, max_cost_per_run, max_train_runs, max_attempts, keep_versions, split, sinks, target_table, schema_contract, endpoint_secret, key_secret, training_storage_account_secret, training_storage_sas_secret, scoring_storage_account_secret, scoring_storage_sas_secret, confidence_columns) SELECT form_type.form_type, form_type.form_description, form_type.form_batch_group_id, form_type.engine, form_type.api_version, form_type.allow_retired, form_type.model_kind, form_type.routes, form_type.training_container_name, form_type.training_blob_root_folder, form_type.include_subfolders, form_type.use_label_file, form_type.evaluation_blob_folder, form_type.scoring_container_name, form_type.scoring_input_blob_folder, form_type.scoring_output_blob_folder, form_type.model_id, form_type.file_type, form_type.retrain, form_type.enabled, form_type.priority, form_type.parallelism, form_type.min_confidence, form_type.locale, form_type.max_pages, form_type.max_pages_per_run, form_type.max_cost_per_run, form_type.max_train_runs, form_type.max_attempts, form_type.keep_versions, form_type.split, form_type.sinks, form_type.target_table, form_type.schema_contract, form_type.endpoint_secret, form_type.key_secret, form_type.training_storage_account_secret, form_type.training_storage_sas_secret, form_type.scoring_storage_account_secret, form_type.scoring_storage_sas_secret, form_type.confidence_columns 
FROM form_type;

DROP TABLE form_type;

ALTER TABLE form_type_new RENAME TO form_type;

CREATE TABLE form_field_new (
    form_type VARCHAR(40) NOT NULL, 
    field VARCHAR(200) COLLATE "BINARY" NOT NULL, 
    type VARCHAR(20) DEFAULT 'string' NOT NULL, 
    format VARCHAR(40) DEFAULT 'not-specified' NOT NULL, 
    required BOOLEAN DEFAULT 0 NOT NULL, 
    locale VARCHAR(35), 
    min_confidence FLOAT, 
    target_column VARCHAR(128), 
    CONSTRAINT pk_form_field PRIMARY KEY (form_type, field), 
    CONSTRAINT ck_form_field_type CHECK (type IN ('string', 'number', 'integer', 'currency', 'date', 'time', 'phoneNumber', 'selectionMark')), 
    CONSTRAINT ck_form_field_min_confidence CHECK (min_confidence IS NULL OR (min_confidence >= 0 AND min_confidence <= 1)), 
    CONSTRAINT ck_form_field_field CHECK (field IS NULL OR ltrim(field) <> ''), 
    CONSTRAINT ck_form_field_format CHECK (format IN ('not-specified', 'currency', 'decimal', 'decimal-comma-seperated', 'no-whitespaces', 'alphanumeric', 'dmy', 'mdy', 'ymd')), 
    CONSTRAINT ck_form_field_flags_sqlite CHECK (required IN (0, 1)), 
    CONSTRAINT ck_form_field_lengths_sqlite CHECK (length(form_type) <= 40 AND length(field) <= 200 AND length(type) <= 20 AND length(format) <= 40 AND length(locale) <= 35 AND length(target_column) <= 128), 
    CONSTRAINT fk_form_field_form_type_form_type FOREIGN KEY(form_type) REFERENCES form_type (form_type) ON DELETE CASCADE
);

INSERT INTO form_field_new (form_type, field, type, format, required, locale, min_confidence, target_column) SELECT form_field.form_type, form_field.field, form_field.type, form_field.format, form_field.required, form_field.locale, form_field.min_confidence, form_field.target_column 
FROM form_field;

DROP TABLE form_field;

ALTER TABLE form_field_new RENAME TO form_field;

UPDATE alembic_version SET version_num='0004' WHERE alembic_version.version_num = '0003';

-- Running upgrade 0004 -> 0005

ALTER TABLE form_type ADD COLUMN on_gone VARCHAR(20) DEFAULT 'keep' NOT NULL CONSTRAINT ck_form_type_on_gone CHECK (on_gone IN ('keep', 'remove'));

ALTER TABLE form_type ADD COLUMN on_rename VARCHAR(20) DEFAULT 'reuse' NOT NULL CONSTRAINT ck_form_type_on_rename CHECK (on_rename IN ('reuse', 'score'));

ALTER TABLE run_row ADD COLUMN gone INTEGER DEFAULT '0' NOT NULL;

ALTER TABLE run_row ADD COLUMN reused INTEGER DEFAULT '0' NOT NULL;

ALTER TABLE run_row ADD COLUMN left_over INTEGER DEFAULT '0' NOT NULL;

ALTER TABLE run_row ADD COLUMN cost TEXT;

CREATE TABLE budget (
    resource VARCHAR(64) NOT NULL, 
    operation_class VARCHAR(20) NOT NULL, 
    next_at FLOAT DEFAULT '0' NOT NULL, 
    held_until FLOAT DEFAULT '0' NOT NULL, 
    CONSTRAINT pk_budget PRIMARY KEY (resource, operation_class)
);

ALTER TABLE document ADD COLUMN claimed_by INTEGER;

CREATE INDEX ix_document_form_type_content_hash ON document (form_type, content_hash);

CREATE INDEX ix_document_claimed_by ON document (claimed_by) WHERE claimed_by IS NOT NULL;

UPDATE alembic_version SET version_num='0005' WHERE alembic_version.version_num = '0004';

-- Running upgrade 0005 -> 0006

ALTER TABLE field_value ADD COLUMN text_offset INTEGER;

ALTER TABLE field_value ADD COLUMN text_length INTEGER;

UPDATE alembic_version SET version_num='0006' WHERE alembic_version.version_num = '0005';

-- Running upgrade 0006 -> 0007

ALTER TABLE run_row ADD COLUMN routed INTEGER DEFAULT '0' NOT NULL;

ALTER TABLE run_row ADD COLUMN unrouted INTEGER DEFAULT '0' NOT NULL;

ALTER TABLE document ADD COLUMN routed_from INTEGER;

ALTER TABLE document ADD COLUMN first_page INTEGER;

ALTER TABLE document ADD COLUMN last_page INTEGER;

CREATE INDEX ix_document_routed_from ON document (routed_from) WHERE routed_from IS NOT NULL;

CREATE TABLE text_label (
    form_type VARCHAR(40) NOT NULL, 
    path_hash VARCHAR(64) NOT NULL, 
    account VARCHAR(63) DEFAULT '' NOT NULL, 
    container VARCHAR(63) NOT NULL, 
    path VARCHAR(1024) COLLATE "BINARY" NOT NULL, 
    first_page INTEGER, 
    last_page INTEGER, 
    etag VARCHAR(128) NOT NULL, 
    class VARCHAR(40) NOT NULL, 
    labelled_at DATETIME NOT NULL, 
    labelled_by VARCHAR(200) NOT NULL, 
    CONSTRAINT pk_text_label PRIMARY KEY (form_type, path_hash), 
    CONSTRAINT fk_text_label_form_type_form_type FOREIGN KEY(form_type) REFERENCES form_type (form_type) ON DELETE CASCADE
);

UPDATE alembic_version SET version_num='0007' WHERE alembic_version.version_num = '0006';

-- Running upgrade 0007 -> 0008

ALTER TABLE run ADD COLUMN parent_id INTEGER;

ALTER TABLE run ADD COLUMN stop_asked_at DATETIME;

CREATE INDEX ix_run_parent_id ON run (parent_id) WHERE parent_id IS NOT NULL;

CREATE TABLE allotment (
    run_id INTEGER NOT NULL, 
    form_type VARCHAR(40) NOT NULL, 
    pages INTEGER DEFAULT '0' NOT NULL, 
    cost INTEGER DEFAULT '0' NOT NULL, 
    CONSTRAINT pk_allotment PRIMARY KEY (run_id, form_type), 
    CONSTRAINT fk_allotment_run_id_run FOREIGN KEY(run_id) REFERENCES run (id)
);

UPDATE alembic_version SET version_num='0008' WHERE alembic_version.version_num = '0007';

COMMIT;

PRAGMA legacy_alter_table = OFF;

PRAGMA foreign_keys = ON;
