-- Three form types as plain INSERTs. Every column that is not named has a default: docs/parameters.md lists them.

-- Training forms and backlog in two folders of one container; a model is made at the first run.
INSERT INTO form_type
    (form_type, form_description, training_container_name, training_blob_root_folder,
     scoring_container_name, scoring_input_blob_folder)
VALUES
    ('sample_invoice', 'Invoices of our suppliers', 'forms', 'sample_invoice/training',
     'forms', 'sample_invoice/backlog');

-- Outputs as files too, a stricter threshold, and how dates and amounts are written.
INSERT INTO form_type
    (form_type, form_description, training_container_name, training_blob_root_folder,
     scoring_container_name, scoring_input_blob_folder, scoring_output_blob_folder,
     min_confidence, locale)
VALUES
    ('sample_order', 'Purchase orders', 'forms', 'sample_order/training',
     'forms', 'sample_order/backlog', 'sample_order/output',
     0.8, 'en-US');

-- A second backlog for the same model: the rows of one group share it.
INSERT INTO form_type
    (form_type, form_description, form_batch_group_id, training_container_name, training_blob_root_folder,
     scoring_container_name, scoring_input_blob_folder, model_id)
VALUES
    ('sample_order_archive', 'Old purchase orders', 'sample_order', 'forms', 'sample_order/training',
     'archive', 'sample_order', '-1');

-- What is known of a field beforehand; it wins over fields.json of the training folder.
INSERT INTO form_field (form_type, field, type, format, target_column)
VALUES ('sample_order', 'Order Date', 'date', 'mdy', 'order_date');
