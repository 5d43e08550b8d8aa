-- expects: table-rewrite
-- == setup
CREATE UNLOGGED TABLE imports (id bigint, line text);
INSERT INTO imports SELECT n, 'line ' || n FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT ON imports TO app;
-- == migration
ALTER TABLE imports SET LOGGED;
