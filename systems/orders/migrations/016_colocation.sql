-- The decision about sharding (README, "When one server is not enough"): by tenant, all tables of a tenant together.
-- Nothing is distributed here. This file proves that it could be: that every table with a tenant has it first in its
-- primary key, in every unique index and on both sides of every foreign key to another such table. Exclusion constraints
-- need it with "=". From here on invariants/tables_colocate.sql asks the same after every change.

DO $$
DECLARE
    fault record;
BEGIN
    FOR fault IN
        SELECT i.indexrelid::regclass AS object_name, 'does not start with tenant_id' AS reason
        FROM pg_index AS i
        JOIN pg_class AS t ON t.oid = i.indrelid AND t.relnamespace = 'public'::regnamespace AND NOT t.relispartition
        JOIN pg_attribute AS k ON k.attrelid = t.oid AND k.attname = 'tenant_id' AND NOT k.attisdropped
        WHERE (i.indisunique OR i.indisexclusion) AND i.indkey[0] <> k.attnum
        UNION ALL
        SELECT f.conrelid::regclass, 'foreign key ' || f.conname || ' does not lead from tenant to tenant'
        FROM pg_constraint AS f
        JOIN pg_attribute AS k ON k.attrelid = f.conrelid AND k.attname = 'tenant_id' AND NOT k.attisdropped
        JOIN pg_attribute AS r ON r.attrelid = f.confrelid AND r.attname = 'tenant_id' AND NOT r.attisdropped
        WHERE f.contype = 'f' AND f.connamespace = 'public'::regnamespace AND (f.conkey[1] <> k.attnum OR f.confkey[1] <> r.attnum)
    LOOP
        RAISE EXCEPTION '% %', fault.object_name, fault.reason;
    END LOOP;
END
$$;
