-- Shows the document, then saves "Summary" in a later transaction without looking at the number of rows saved.
SELECT version FROM documents WHERE id = 1
\gset
BEGIN;
UPDATE documents SET title = 'Summary', version = version + 1 WHERE id = 1 AND version = :version;
INSERT INTO edits (id, document_id, replaced_version) VALUES (2, 1, :version);
COMMIT;
