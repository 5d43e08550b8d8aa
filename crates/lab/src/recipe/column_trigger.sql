-- Template: the trigger that keeps two forms of a column equal. PostgreSQL 14 and later; one function call per written row.

CREATE OR REPLACE FUNCTION {sync}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND ({new}) IS DISTINCT FROM ({before}) THEN
        {to_old}
    ELSIF TG_OP = 'UPDATE' AND NEW.{old} IS NOT DISTINCT FROM OLD.{old} AND num_nonnulls({new}) > 0 THEN
        -- Neither form was written.
        NULL;
    ELSIF TG_OP = 'INSERT' AND num_nonnulls({new}) > 0 THEN
        {to_old}
    ELSE
        -- The old form was written, or the backfill comes by.
        {to_new}
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER {sync} BEFORE INSERT OR UPDATE ON {table}
    FOR EACH ROW EXECUTE FUNCTION {sync}();

