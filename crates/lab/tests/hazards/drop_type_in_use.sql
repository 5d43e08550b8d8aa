-- expects: fails-on-dependency
-- == setup
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE diaries (id bigint PRIMARY KEY, how mood);
-- == migration
DROP TYPE mood;
