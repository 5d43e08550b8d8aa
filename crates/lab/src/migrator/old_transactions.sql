-- Transactions that a statement with CONCURRENTLY would have to wait for: those of this database that hold a snapshot or
-- have written, and prepared ones. PostgreSQL 14 and later; reads pg_stat_activity once, waits for nothing.
-- Replication slots are left out on purpose: they keep dead rows, but WaitForOlderSnapshots (indexcmds.c) looks at
-- running transactions of the same database only.
SELECT who, seconds
FROM (
    SELECT
        format('process %s of user %s (%s), %s: %s', a.pid, a.usename, a.application_name, a.state, left(a.query, 60)),
        extract(epoch FROM clock_timestamp() - a.xact_start)
    FROM pg_stat_activity AS a
    WHERE a.datname = current_database()
      AND a.pid <> pg_backend_pid()
      AND a.backend_type = 'client backend'
      AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL)
    UNION ALL
    SELECT format('the prepared transaction %s of user %s', p.gid, p.owner), extract(epoch FROM clock_timestamp() - p.prepared)
    FROM pg_prepared_xacts AS p
    WHERE p.database = current_database()
) AS old (who, seconds)
WHERE seconds > 1
ORDER BY seconds DESC
