-- expects: nothing
-- == setup
CREATE TABLE events (id bigint NOT NULL, at date NOT NULL, kind text NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO events SELECT n, date '2024-01-01' + n % 700, 'k' || n % 9 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON events TO app;
CREATE INDEX events_kind_idx ON events (kind);
CREATE TABLE events_2026 (id bigint NOT NULL, at date NOT NULL, kind text NOT NULL);
INSERT INTO events_2026 SELECT n, date '2026-01-01' + n % 300, 'k' FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT ON events_2026 TO app;
ALTER TABLE events_2026 ADD CHECK (at >= '2026-01-01' AND at < '2027-01-01');
CREATE INDEX events_2026_kind_idx ON events_2026 (kind);
-- == migration
ALTER TABLE events ATTACH PARTITION events_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
