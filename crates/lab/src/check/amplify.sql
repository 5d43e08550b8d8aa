-- Tables as SQL and as people name them, with their columns and the unique indexes that each column is part of. PostgreSQL 14 and later.
SELECT format('%I.%I', n.nspname, c.relname) AS quoted, quote_ident(a.attname) AS column, t.typname AS base,
       CASE WHEN n.nspname = 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END AS name,
       (EXISTS (SELECT FROM pg_constraint AS k
                WHERE k.conrelid = c.oid AND k.contype = 'f' AND a.attnum = ANY (k.conkey)))::text AS referring,
       coalesce((SELECT string_agg(i.indexrelid::text, ',') FROM pg_index AS i
                 WHERE i.indrelid = c.oid AND i.indisunique AND a.attnum = ANY (i.indkey::int2[])), '') AS keys,
       (EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisunique AND 0 = ANY (i.indkey::int2[])))::text
           AS expressions
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_type AS t ON t.oid = a.atttypid
WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'underpin')
  AND n.nspname NOT LIKE 'pg_temp%'
ORDER BY n.nspname, c.relname, a.attnum
