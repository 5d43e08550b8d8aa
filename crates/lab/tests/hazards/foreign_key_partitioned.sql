-- expects: scan-under-lock
-- == setup
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, phone text, age int);
INSERT INTO users (name, phone, age) SELECT 'n' || n, 'p' || n, n % 90 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO app;
CREATE TABLE events (id bigint NOT NULL, at date NOT NULL, kind text NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO events SELECT n, date '2024-01-01' + n % 700, 'k' || n % 9 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON events TO app;
-- == migration
ALTER TABLE events ADD CONSTRAINT events_user FOREIGN KEY (id) REFERENCES users (id);
