-- sqlcmd -b -i update_model_id.sql
--
-- What Data Factory pipelines of the original recipe call after a training of their own: the model is written to
-- every row of the group. A row without a group id is a group of its own. The next run checks the model and adopts
-- it; -1 asks for a new one.
--
--   EXEC update_model_id @form_batch_group_id = N'invoices', @model_id = N'8a5ac1b5-...';

CREATE OR ALTER PROCEDURE update_model_id
    @form_batch_group_id NVARCHAR(4000),
    @model_id NVARCHAR(4000)
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF COALESCE(LTRIM(RTRIM(@model_id)), '') = ''
    BEGIN;
        THROW 50001, 'update_model_id: @model_id is empty. Give the id of the model, or -1 to have one made.', 1;
    END;

    UPDATE form_type
    SET model_id = LTRIM(RTRIM(@model_id))
    WHERE COALESCE(NULLIF(LTRIM(RTRIM(form_batch_group_id)), ''), form_type) = LTRIM(RTRIM(@form_batch_group_id));

    IF @@ROWCOUNT = 0
    BEGIN;
        THROW 50002, 'update_model_id: no row of form_type belongs to @form_batch_group_id.', 1;
    END;
END;

GO
