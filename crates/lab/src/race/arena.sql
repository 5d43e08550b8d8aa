-- What a race needs in its database: a way for sessions without rights of a superuser to choose how soon they look
-- for a deadlock, and the table that invariants may ask what the clients saw.
-- In a deadlock the session that closes the circle is the victim: it looks at once, those that waited before never do.
-- PostgreSQL 14 and later.
CREATE SCHEMA IF NOT EXISTS underpin_race;
GRANT USAGE ON SCHEMA underpin_race TO PUBLIC;
CREATE OR REPLACE PROCEDURE underpin_race.look_for_deadlock_after(delay text, in_this_transaction boolean)
LANGUAGE sql SECURITY DEFINER
AS $$ SELECT pg_catalog.set_config('deadlock_timeout', delay, in_this_transaction) $$;
CREATE TABLE IF NOT EXISTS underpin_race.observed (tx text, var text, val text);
GRANT SELECT ON underpin_race.observed TO PUBLIC;
