-- Notes which columns of which table an UPDATE really changes: an index prevents HOT only where its column gets another value.
-- PostgreSQL 14 and later; cost: one more row written per updated row, on a copy that is only counted.
CREATE SCHEMA underpin_drill;
CREATE TABLE underpin_drill.changed (
    table_oid oid NOT NULL,
    column_name text NOT NULL,
    times bigint NOT NULL,
    PRIMARY KEY (table_oid, column_name)
);
CREATE FUNCTION underpin_drill.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO underpin_drill.changed AS c (table_oid, column_name, times)
    SELECT TG_RELID, n.key, 1
    FROM jsonb_each_text(to_jsonb(NEW)) AS n
    JOIN jsonb_each_text(to_jsonb(OLD)) AS o ON o.key = n.key
    WHERE o.value IS DISTINCT FROM n.value
    ON CONFLICT (table_oid, column_name) DO UPDATE SET times = c.times + 1;
    RETURN NULL;
END
$$;
DO $$
DECLARE
    t regclass;
BEGIN
    FOR t IN
        SELECT c.oid
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND c.relpersistence <> 't'
          AND n.nspname NOT IN ('information_schema', 'underpin', 'underpin_drill') AND n.nspname NOT LIKE 'pg\_%'
    LOOP
        EXECUTE format('CREATE TRIGGER underpin_drill_note AFTER UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION underpin_drill.note()', t);
    END LOOP;
END
$$
