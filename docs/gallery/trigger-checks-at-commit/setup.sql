CREATE TABLE doctors (id bigint PRIMARY KEY, is_on_call boolean NOT NULL);
CREATE FUNCTION require_doctor_on_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM doctors WHERE is_on_call) THEN
        RAISE EXCEPTION 'nobody is on call' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER doctor_on_call AFTER UPDATE ON doctors DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION require_doctor_on_call();
INSERT INTO doctors (id, is_on_call) VALUES (1, true), (2, true);
