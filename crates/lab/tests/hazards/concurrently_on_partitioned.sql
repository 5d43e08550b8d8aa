-- expects: migration-fails
-- == setup
CREATE TABLE events (id bigint NOT NULL, at date NOT NULL, kind text NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO events SELECT n, date '2024-01-01' + n % 700, 'k' || n % 9 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON events TO app;
-- == migration
-- no-transaction
CREATE INDEX CONCURRENTLY events_kind_idx ON events (kind);
