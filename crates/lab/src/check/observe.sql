-- What this session holds and has done so far: relation locks, files of relations, rows, log position, invalid indexes.
-- Asked inside the migration's own transaction, which sees its own changes. PostgreSQL 14 and later; waits for nothing.
WITH mine AS (
    SELECT c.oid, c.relkind, c.relfilenode, i.indrelid, i.indisvalid,
           CASE WHEN n.nspname = 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END AS name
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'underpin')
      AND n.nspname NOT LIKE 'pg_temp%' AND n.nspname NOT LIKE 'pg_toast_temp%'
      AND c.relkind IN ('r', 'p', 'm', 'i', 'I', 'S', 'v')
)
SELECT 'relation' AS what, oid::text AS a, name AS b, relkind::text AS c, relfilenode::text AS d,
       coalesce(indrelid, 0)::text AS e, coalesce(indisvalid, true)::text AS f
FROM mine
UNION ALL
SELECT 'lock', l.relation::text, l.mode, l.granted::text, '', '', ''
FROM pg_locks AS l
WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation'
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.relation >= 16384
UNION ALL
SELECT 'work', (sum(seq_tup_read) + sum(coalesce(idx_tup_fetch, 0)))::bigint::text, sum(n_tup_ins)::bigint::text,
       (sum(n_tup_upd) + sum(n_tup_del))::bigint::text, (pg_current_wal_insert_lsn() - '0/0')::bigint::text, '', ''
FROM pg_stat_xact_user_tables
WHERE schemaname <> 'underpin'
