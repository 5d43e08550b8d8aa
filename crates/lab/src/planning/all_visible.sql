-- Tables with pages that are not all-visible: their index-only scans fetch rows from the table.
-- PostgreSQL 14 and later; cost: one pass over pg_class.
SELECT c.oid::regclass::text AS relation
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'underpin')
  AND n.nspname NOT LIKE 'pg\_%'
  AND c.relpages > 0
  AND c.relallvisible < c.relpages
ORDER BY 1
