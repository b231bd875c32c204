-- What a typed view is: one row per document, one typed column per field, a person's value before the
-- model's. Rendered for the sample form type; each form type's own is made, and kept up to date, by
-- `formpipe run`, which knows by the JSON in it which field a column stands for.

IF SCHEMA_ID('forms') IS NULL EXEC('CREATE SCHEMA forms');

GO

CREATE OR ALTER VIEW forms.sample_order AS /* {"columns": [{"name": "order_number", "field": "Order Number", "kind": "text"}, {"name": "order_date", "field": "Order Date", "kind": "date"}, {"name": "order_time", "field": "Order Time", "kind": "time"}, {"name": "quantity", "field": "Quantity", "kind": "integer"}, {"name": "total", "field": "Total", "kind": "number"}, {"name": "signed", "field": "Signed", "kind": "mark"}], "digest": "33643d21f730c3ff", "tables": {}} */
SELECT
    document.id AS document_id,
    document.path AS path,
    coalesce(document.outcome, 'pending') AS outcome,
    document.pages AS pages,
    model_version.version AS model_version,
    document.finished_at AS scored_at,
    CAST(max(CASE WHEN (v.review = 1) THEN 1 ELSE 0 END) AS BIT) AS review,
    max(CASE WHEN (v.field = N'Order Number' AND v.occurrence = 0) THEN v.value_text END) AS order_number,
    max(CASE WHEN (v.field = N'Order Date' AND v.occurrence = 0) THEN v.value_date END) AS order_date,
    max(CASE WHEN (v.field = N'Order Time' AND v.occurrence = 0) THEN v.value_time END) AS order_time,
    CAST(max(CASE WHEN (v.field = N'Quantity' AND v.occurrence = 0 AND v.value_number BETWEEN -9223372036854775807 AND 9223372036854775807) THEN v.value_number END) AS BIGINT) AS quantity,
    max(CASE WHEN (v.field = N'Total' AND v.occurrence = 0) THEN v.value_number END) AS total,
    max(CASE WHEN (v.field = N'Signed' AND v.occurrence = 0) THEN v.value_mark END) AS signed
FROM document
LEFT OUTER JOIN part ON part.document_id = document.id
LEFT OUTER JOIN field_value AS v ON v.part_id = part.id
LEFT OUTER JOIN field_value AS person ON v.source = N'model' AND person.source = N'person' AND person.part_id = v.part_id AND person.field = v.field AND person.occurrence = v.occurrence
LEFT OUTER JOIN model_version ON model_version.id = document.model_version_id
WHERE document.form_type = N'sample_order' AND (document.outcome IS NULL OR document.outcome != N'dead') AND part.id IS NOT NULL AND person.part_id IS NULL
GROUP BY part.id, document.id, document.path, coalesce(document.outcome, 'pending'), document.pages, model_version.version, document.finished_at;

GO
