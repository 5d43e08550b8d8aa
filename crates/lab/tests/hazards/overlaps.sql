-- expects: fails-on-data
-- == setup
CREATE TABLE bookings (id bigint PRIMARY KEY, during int4range NOT NULL);
INSERT INTO bookings SELECT n, int4range(n, n + 5) FROM generate_series(1, :rows) AS n;
-- == migration
ALTER TABLE bookings ADD EXCLUDE USING gist (during WITH &&);
