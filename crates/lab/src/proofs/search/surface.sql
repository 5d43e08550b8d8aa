-- Text columns of larger tables, those with the most text first.
-- PostgreSQL 14 and later; cost: one pass over pg_stats.
SELECT s.schemaname AS schema, s.tablename AS "table", s.attname AS "column"
FROM pg_stats AS s
JOIN pg_namespace AS n ON n.nspname = s.schemaname
JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = s.tablename AND c.relkind IN ('r', 'p')
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = s.attname
JOIN pg_type AS t ON t.oid = a.atttypid
WHERE t.typcategory = 'S'
  AND s.avg_width >= 12
  AND s.null_frac < 0.5
  AND c.reltuples >= 1000
  AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'underpin')
ORDER BY s.avg_width * c.reltuples * (1 - s.null_frac) DESC, 1, 2, 3
LIMIT 20
