-- Template: triggers that keep the columns of two tables with one key equal. PostgreSQL 14 and later; one function call and
-- at most two statements by key per written row.


-- Until contract.sql these triggers keep both tables equal, whichever version of the application writes.
CREATE FUNCTION {sync}_narrow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {without}
    ELSE
        INSERT INTO {narrow} AS n ({insert}) VALUES ({values})
        ON CONFLICT ({conflict}) DO UPDATE SET {excluded}
        WHERE ({own}) IS DISTINCT FROM ({new});
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION {sync}_wide() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {wide} AS w SET {nulls} WHERE {at_old} AND num_nonnulls({wides}) > 0;
    ELSE
        UPDATE {wide} AS w SET {from_new} WHERE {at_new} AND ({wides}) IS DISTINCT FROM ({new});
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER {sync} AFTER INSERT OR UPDATE ON {wide}
    FOR EACH ROW EXECUTE FUNCTION {sync}_narrow();
CREATE TRIGGER {sync} AFTER INSERT OR UPDATE OR DELETE ON {narrow}
    FOR EACH ROW EXECUTE FUNCTION {sync}_wide();
