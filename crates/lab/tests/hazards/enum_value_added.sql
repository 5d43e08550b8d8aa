-- expects: nothing
-- == setup
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE diaries (id bigint PRIMARY KEY, how mood);
INSERT INTO diaries SELECT n, 'good' FROM generate_series(1, :rows) AS n;
-- == migration
ALTER TYPE mood ADD VALUE 'great';
