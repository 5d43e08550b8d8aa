-- Template: puts a value where NULL is written. PostgreSQL 14 and later; one function call per written row.

-- Until contract.sql the trigger puts a value where the old version writes NULL.
CREATE FUNCTION {sync}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.{column} := coalesce(NEW.{column}, {value});
    RETURN NEW;
END $$;
CREATE TRIGGER {sync} BEFORE INSERT OR UPDATE ON {table}
    FOR EACH ROW EXECUTE FUNCTION {sync}();
ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID;
