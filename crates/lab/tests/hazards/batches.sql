-- expects: nothing
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, 'p' || n, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
-- == migration
-- no-transaction
DO $$ BEGIN FOR nr IN 0..15 LOOP UPDATE users SET age = age + 1 WHERE id > nr * 500 AND id <= nr * 500 + 500; COMMIT; END LOOP; END $$;
