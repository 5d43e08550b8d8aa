-- The ledger of applied migrations. PostgreSQL 14 and later; cost: one catalog lookup when it is there already.
-- client_min_messages: "already exists, skipping" is what we ask for, not news.
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS underpin;
CREATE TABLE IF NOT EXISTS underpin.migrations (
    version     text        PRIMARY KEY,
    name        text        NOT NULL,
    checksum    text,
    applied_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    duration_ms bigint      NOT NULL DEFAULT 0,
    applied_by  text        NOT NULL DEFAULT current_user,
    phase       text        NOT NULL DEFAULT 'done'
);
RESET client_min_messages;
