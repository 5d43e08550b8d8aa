-- expects: scan-under-lock
-- The index is there; whether NULLs are, is looked for under the strongest lock.
-- == setup
CREATE TABLE logs (id bigint, line text);
INSERT INTO logs SELECT n, 'line' FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT ON logs TO app;
-- == migration
-- no-transaction
CREATE UNIQUE INDEX CONCURRENTLY logs_key ON logs (id);
ALTER TABLE logs ADD PRIMARY KEY USING INDEX logs_key;
