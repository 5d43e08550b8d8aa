-- No version of a document is replaced by two edits.
SELECT document_id, replaced_version, count(*) AS edits
FROM edits
GROUP BY document_id, replaced_version
HAVING count(*) > 1;
