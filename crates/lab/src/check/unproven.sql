-- CHECK constraints NOT VALID of the project's tables: table and column for SQL, name, expression, table for people.
-- PostgreSQL 14 and later; reads catalogs only. A generated column cannot be set, any other can be set to itself.
SELECT c.oid::regclass::text AS "table", k.conname AS name, pg_get_expr(k.conbin, k.conrelid) AS "check",
       (SELECT quote_ident(a.attname) FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
          AND a.attidentity <> 'a'
        ORDER BY a.attnum LIMIT 1) AS "column",
       CASE WHEN n.nspname = 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END AS shown
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE k.contype = 'c' AND NOT k.convalidated AND c.relkind = 'r'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'underpin')
ORDER BY 1, 2
