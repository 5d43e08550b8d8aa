-- expects: nothing
-- == setup
CREATE TABLE articles (id bigint PRIMARY KEY, title varchar(40) NOT NULL, source cidr NOT NULL);
INSERT INTO articles SELECT n, 'title ' || n, ('10.0.' || n % 250 || '.0/24')::cidr FROM generate_series(1, :rows) AS n;
CREATE INDEX articles_title_idx ON articles (title);
GRANT SELECT, INSERT, UPDATE ON articles TO app;
-- == migration
ALTER TABLE articles ALTER COLUMN source TYPE inet;
