-- expects: nothing
-- == setup
CREATE TABLE notes (id bigint PRIMARY KEY);
-- == migration
DROP TABLE notes;
