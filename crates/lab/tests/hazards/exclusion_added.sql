-- expects: index-build-blocks
-- == setup
CREATE TABLE bookings (id bigint PRIMARY KEY, during int4range NOT NULL);
INSERT INTO bookings SELECT n, int4range(n * 10, n * 10 + 5) FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT ON bookings TO app;
-- == migration
ALTER TABLE bookings ADD CONSTRAINT one_at_a_time EXCLUDE USING gist (during WITH &&);
