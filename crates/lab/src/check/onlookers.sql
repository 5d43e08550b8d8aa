-- Every table that another session can name, with its parent in a partition or inheritance tree. PostgreSQL 14 and later.
SELECT c.oid::text AS oid, format('%I.%I', n.nspname, c.relname) AS quoted, c.relkind::text AS kind,
       CASE WHEN n.nspname = 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END AS name,
       coalesce((SELECT h.inhparent FROM pg_inherits AS h WHERE h.inhrelid = c.oid LIMIT 1), 0)::text AS parent
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'i')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'underpin')
  AND n.nspname NOT LIKE 'pg_temp%' AND n.nspname NOT LIKE 'pg_toast_temp%'
