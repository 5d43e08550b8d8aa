-- Template: makes a column NOT NULL by a check that is validated first, which blocks nobody; SET NOT NULL then believes it
-- and reads nothing (PostgreSQL 12 and later). Each statement can be run again.

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = '{table}'::regclass AND conname = '{bare_check}') THEN
        ALTER TABLE {table} VALIDATE CONSTRAINT {check};
    END IF;
END $$;
ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL;
ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {check};
