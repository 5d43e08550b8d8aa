-- Shows the document, then saves "Summary" in a later transaction if the version is still the one shown.
SELECT version FROM documents WHERE id = 1
\gset
BEGIN;
WITH saved AS (
    UPDATE documents SET title = 'Summary', version = version + 1
    WHERE id = 1 AND version = :version
    RETURNING id
)
SELECT count(*) AS is_saved FROM saved
\gset
\if :is_saved
INSERT INTO edits (id, document_id, replaced_version) VALUES (2, 1, :version);
\endif
COMMIT;
