-- expects: fails-on-dependency
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, 'p' || n, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
CREATE VIEW adults AS SELECT id, name FROM users WHERE age >= 18;
GRANT SELECT ON adults TO app;
-- == migration
CREATE OR REPLACE VIEW adults AS SELECT id FROM users WHERE age >= 18;
