-- Tables of the book: one row that gives the numbers, and two entries per transaction. Clients write as the application
-- role. They must survive a kill that comes at once, where the server under test acknowledges too early.
-- PostgreSQL 14 to 18. Cost: some milliseconds.
SET synchronous_commit = on;
CREATE SCHEMA IF NOT EXISTS underpin;
CREATE TABLE underpin.book_head (number bigint NOT NULL);
INSERT INTO underpin.book_head VALUES (0);
CREATE TABLE underpin.book (number bigint, request bigint NOT NULL, side text, amount bigint NOT NULL, PRIMARY KEY (number, side));
GRANT USAGE ON SCHEMA underpin TO PUBLIC;
GRANT SELECT, INSERT, UPDATE ON underpin.book_head, underpin.book TO PUBLIC;
