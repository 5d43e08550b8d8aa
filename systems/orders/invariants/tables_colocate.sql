-- name: tables_colocate
-- Every table with a tenant has it first in its unique indexes, and every foreign key between two such tables leads from
-- tenant to tenant: all rows of a tenant can live on one node. The catalog's word, not the data's.
SELECT i.indexrelid::regclass::text AS object_name, 'does not start with tenant_id' AS reason
FROM pg_index AS i
JOIN pg_class AS t ON t.oid = i.indrelid AND t.relnamespace = 'public'::regnamespace AND NOT t.relispartition
JOIN pg_attribute AS k ON k.attrelid = t.oid AND k.attname = 'tenant_id' AND NOT k.attisdropped
WHERE (i.indisunique OR i.indisexclusion) AND i.indkey[0] <> k.attnum
UNION ALL
SELECT f.conrelid::regclass::text, 'foreign key ' || f.conname || ' does not lead from tenant to tenant'
FROM pg_constraint AS f
JOIN pg_attribute AS k ON k.attrelid = f.conrelid AND k.attname = 'tenant_id' AND NOT k.attisdropped
JOIN pg_attribute AS r ON r.attrelid = f.confrelid AND r.attname = 'tenant_id' AND NOT r.attisdropped
WHERE f.contype = 'f' AND f.connamespace = 'public'::regnamespace AND (f.conkey[1] <> k.attnum OR f.confkey[1] <> r.attnum);
