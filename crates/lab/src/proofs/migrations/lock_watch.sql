-- Who waits for a lock in this database, since when and for whom; and which strong locks the migration holds. PostgreSQL 14
-- and later (pg_locks.waitstart); asks pg_blocking_pids for waiting sessions only, waits for nothing.
SELECT
    'waits',
    a.application_name,
    coalesce(c.relname, l.locktype),
    l.mode,
    coalesce(extract(epoch FROM clock_timestamp() - l.waitstart) * 1000, 0),
    (
        SELECT string_agg(DISTINCT b.application_name, ', ')
        FROM unnest(pg_blocking_pids(l.pid)) AS p (pid)
        JOIN pg_stat_activity AS b ON b.pid = p.pid
    )
FROM pg_locks AS l
JOIN pg_stat_activity AS a ON a.pid = l.pid
LEFT JOIN pg_class AS c ON c.oid = l.relation
WHERE NOT l.granted AND a.datname = current_database()
UNION ALL
SELECT DISTINCT 'holds', a.application_name, c.relname, l.mode, 0, NULL
FROM pg_locks AS l
JOIN pg_stat_activity AS a ON a.pid = l.pid
JOIN pg_class AS c ON c.oid = l.relation
WHERE l.granted
  AND a.datname = current_database()
  AND a.application_name = 'underpin-phases-runner'
  AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
  AND c.relkind IN ('r', 'p')
  AND c.relnamespace <> 'pg_catalog'::regnamespace
