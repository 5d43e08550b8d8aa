-- expects: breaks-running-code
-- == setup
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE diaries (id bigint PRIMARY KEY, how mood);
GRANT SELECT, INSERT ON diaries TO app;
-- == migration
ALTER TYPE mood RENAME VALUE 'bad' TO 'poor';
-- == running
-- name: note
INSERT INTO diaries VALUES (-1, 'bad')
