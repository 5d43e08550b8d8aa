-- Every column of every table and partition with the text by which its values are compared. PostgreSQL 14 and later.
SELECT n.nspname AS schema, c.relname AS table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type,
       CASE WHEN n.nspname = 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END AS name,
       c.relispartition::text AS part,
       CASE
           -- 1.50 and 1.5, or a moment with and without its zone, are the same value in two types.
           WHEN t.typcategory = 'N' AND t.typname IN ('int2', 'int4', 'int8', 'numeric', 'float4', 'float8')
               THEN format('trim_scale(%I::text::numeric)::text', a.attname)
           WHEN t.typname IN ('timestamp', 'timestamptz', 'date')
               THEN format('extract(epoch FROM %I)::text', a.attname)
           ELSE format('%I::text', a.attname)
       END AS compared
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_type AS t ON t.oid = a.atttypid
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'underpin')
  AND n.nspname NOT LIKE 'pg_temp%'
ORDER BY n.nspname, c.relname, a.attnum
