-- PostgreSQL 14 to 18. Ledgers of migration tools that are there, by the columns that tell them apart.
SELECT n.nspname || '.' || c.relname AS name,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS quoted,
       array_to_string(array_agg(a.attname::text ORDER BY a.attname), ',') AS columns
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r'
  AND ((n.nspname = 'underpin' AND c.relname = 'migrations')
       OR c.relname IN ('schema_migrations', '_sqlx_migrations', 'flyway_schema_history'))
GROUP BY n.nspname, c.relname
