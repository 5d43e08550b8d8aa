-- Relation locks that this session holds now, system catalogs left out. PostgreSQL 14 and later; waits for nothing.
SELECT coalesce(c.oid::regclass::text, l.relation::text), l.mode
FROM pg_locks AS l
LEFT JOIN pg_class AS c ON c.oid = l.relation
WHERE l.pid = pg_backend_pid()
  AND l.locktype = 'relation'
  AND l.granted
  AND coalesce(c.relnamespace, 0) <> 'pg_catalog'::regnamespace
  AND coalesce(c.relnamespace, 0) <> coalesce(to_regnamespace('underpin'), 0)
ORDER BY 1, 2
