-- expects: index-build-blocks
-- == setup
CREATE TABLE logs (id bigint NOT NULL, line text);
INSERT INTO logs SELECT n, 'line' FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT ON logs TO app;
-- == migration
ALTER TABLE logs ADD PRIMARY KEY (id);
