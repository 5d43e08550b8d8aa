-- expects: scan-under-lock
-- == setup
CREATE TABLE people (id bigint, age int);
CREATE TABLE teachers (subject text) INHERITS (people);
INSERT INTO teachers SELECT n, n % 90, 's' FROM generate_series(1, :rows) AS n;
GRANT SELECT ON people, teachers TO app;
-- == migration
ALTER TABLE people ADD CONSTRAINT age_known CHECK (age >= 0);
