-- Rows and pages of every table with the statistics of its columns; no value of a row. PostgreSQL 14 and later; reads
-- catalogs only, and so waits for no lock on a table.
SELECT CASE WHEN n.nspname = 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END AS name,
       greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0)::bigint::text AS rows, c.relpages::text AS pages,
       coalesce(s.attname, '') AS column, coalesce(s.null_frac, 0)::text AS null_fraction,
       coalesce(s.n_distinct, 0)::text AS distinct, coalesce(s.avg_width, 0)::text AS width
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_stats AS s ON s.schemaname = n.nspname AND s.tablename = c.relname
    AND s.inherited = (c.relkind = 'p')
WHERE c.relkind IN ('r', 'p', 'm')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'underpin')
  AND n.nspname NOT LIKE 'pg_temp%'
ORDER BY 1, 4
