-- PostgreSQL 14 to 18. All sessions, with what each waits for and who is in its way. pg_blocking_pids is asked only of
-- those that wait; it takes the lock table's own short latches, never a lock.
WITH locks AS MATERIALIZED (SELECT * FROM pg_locks)
SELECT a.pid::text AS pid,
       coalesce(a.usename, '') AS "user",
       coalesce(a.datname, '') AS database,
       coalesce(a.application_name, '') AS application,
       coalesce(a.backend_type, '') AS backend,
       coalesce(a.state, '') AS state,
       a.xact_start::text AS xact_start,
       a.query_start::text AS query_start,
       a.state_change::text AS state_change,
       extract(epoch FROM clock_timestamp() - a.xact_start) AS xact_seconds,
       extract(epoch FROM clock_timestamp() - a.state_change) AS state_seconds,
       a.backend_xid::text AS xid,
       age(a.backend_xmin) AS xmin_age,
       a.backend_xmin::text AS xmin,
       left(coalesce(a.query, ''), 2000) AS query,
       CASE WHEN w.pid IS NOT NULL THEN array_to_string(pg_blocking_pids(a.pid), ',') END AS blockers,
       w.locktype AS wait_type,
       w.mode AS wait_mode,
       CASE WHEN w.locktype IN ('relation', 'extend', 'page', 'tuple') THEN wn.name
            WHEN w.pid IS NOT NULL THEN written.name END AS wait_table,
       a.pid = pg_backend_pid() AS own
FROM pg_stat_activity a
LEFT JOIN LATERAL (SELECT l.pid, l.locktype, l.mode, l.relation, l.database FROM locks l
                   WHERE l.pid = a.pid AND NOT l.granted LIMIT 1) w ON true
LEFT JOIN LATERAL (SELECT n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE c.oid = w.relation
                     AND w.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())) wn ON true
LEFT JOIN LATERAL (SELECT n.nspname || '.' || c.relname AS name
                   FROM locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation' AND c.relkind = 'r'
                     AND l.mode IN ('RowExclusiveLock', 'RowShareLock') AND n.nspname <> 'pg_catalog'
                     AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
                   ORDER BY l.mode LIMIT 1) written ON w.pid IS NOT NULL
