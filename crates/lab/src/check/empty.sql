-- Takes away every schema with all that is in it, and makes public anew. PostgreSQL 14 and later.
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
    END LOOP;
    CREATE SCHEMA public;
    GRANT USAGE ON SCHEMA public TO PUBLIC;
END $$
