-- expects: nothing
-- Under UTC both types hold the same number.
-- == setup
CREATE TABLE visits (id bigint PRIMARY KEY, at timestamp NOT NULL);
INSERT INTO visits SELECT n, timestamp '2025-01-01' + n * interval '1 minute' FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT ON visits TO app;
-- == migration
SET LOCAL TIME ZONE 'UTC';
ALTER TABLE visits ALTER COLUMN at TYPE timestamptz;
