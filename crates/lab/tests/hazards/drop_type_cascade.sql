-- expects: data-loss
-- The statement names no table.
-- == setup
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE diaries (id bigint PRIMARY KEY, how mood);
INSERT INTO diaries SELECT n, 'good' FROM generate_series(1, :rows) AS n;
GRANT SELECT ON diaries TO app;
-- == migration
DROP TYPE mood CASCADE;
