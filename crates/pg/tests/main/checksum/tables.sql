-- Tables whose rows have every text form that a session's settings change, and what is not a table of the
-- user's.
-- PostgreSQL 14 to 18.
CREATE TABLE pair (a integer, b text);
CREATE TABLE pair_archive (LIKE pair);
CREATE TABLE every_text (
    n integer PRIMARY KEY,
    double_value double precision,
    real_value real,
    at timestamptz,
    lasting interval,
    bytes bytea,
    relation regclass,
    price money,
    during tstzrange,
    -- Long enough for TOAST, and compressible.
    long text,
    -- Names that an alias in a query may have.
    it text,
    note text
);
ALTER TABLE every_text ALTER long SET STORAGE external;
CREATE TABLE event (id integer, day date) PARTITION BY RANGE (day);
CREATE TABLE event_2026 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE parent (id integer);
CREATE TABLE child () INHERITS (parent);
INSERT INTO child VALUES (1);
CREATE TABLE empty ();
INSERT INTO empty DEFAULT VALUES;
CREATE SEQUENCE ticket;
CREATE MATERIALIZED VIEW pairs AS SELECT * FROM pair;
CREATE TABLE _sqlx_migrations (version bigint);
