-- expects: table-rewrite
-- The parent is empty, its child is not.
-- == setup
CREATE TABLE people (id bigint, age int);
CREATE TABLE teachers (subject text) INHERITS (people);
INSERT INTO teachers SELECT n, n % 90, 's' FROM generate_series(1, :rows) AS n;
GRANT SELECT ON people, teachers TO app;
-- == migration
ALTER TABLE people ALTER COLUMN age TYPE bigint;
