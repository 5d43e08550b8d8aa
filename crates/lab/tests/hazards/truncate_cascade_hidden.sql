-- expects: data-loss
-- The table that is named is empty, the one that refers to it is not.
-- == setup
CREATE TABLE plans (id int PRIMARY KEY);
CREATE TABLE members (id bigint PRIMARY KEY, plan_id int REFERENCES plans);
INSERT INTO members SELECT n, NULL FROM generate_series(1, :rows) AS n;
-- == migration
TRUNCATE plans CASCADE;
