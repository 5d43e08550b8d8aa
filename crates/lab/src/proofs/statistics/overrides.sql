-- Columns whose number of distinct values was set by hand, with the query that counts them.
-- PostgreSQL 14 and later; cost: one pass over pg_attribute, and later one over each such column.
SELECT n.nspname AS schema, t.relname AS table, a.attname AS column, o.value AS n_distinct,
    format('SELECT count(*) AS total, count(DISTINCT %I) AS distinct FROM %I.%I', a.attname, n.nspname, t.relname) AS count_sql
FROM pg_attribute AS a
JOIN pg_class AS t ON t.oid = a.attrelid
JOIN pg_namespace AS n ON n.oid = t.relnamespace
CROSS JOIN LATERAL (
    SELECT split_part(option, '=', 2)::float8 AS value FROM unnest(a.attoptions) AS option WHERE option LIKE 'n_distinct=%'
) AS o
WHERE t.relkind IN ('r', 'p', 'm') AND NOT a.attisdropped
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'underpin')
ORDER BY 1, 2, 3
