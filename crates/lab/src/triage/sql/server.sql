-- PostgreSQL 14 to 18. Settings and counters of the server and of this database; some rows of shared catalogs.
SELECT current_setting('max_connections')::int AS max_connections,
       current_setting('superuser_reserved_connections')::int
       + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved,
       current_setting('autovacuum') AS autovacuum,
       current_setting('track_counts') AS track_counts,
       current_setting('autovacuum_max_workers')::int AS workers,
       extract(epoch FROM current_setting('autovacuum_naptime')::interval) AS naptime,
       current_setting('autovacuum_freeze_max_age')::bigint AS freeze_max_age,
       current_setting('autovacuum_multixact_freeze_max_age')::bigint AS multixact_freeze_max_age,
       age(d.datfrozenxid)::bigint AS xid_age,
       mxid_age(d.datminmxid)::bigint AS mxid_age,
       d.datname AS database,
       d.datconnlimit AS connection_limit,
       s.sessions AS sessions,
       s.xact_commit + s.xact_rollback AS transactions,
       pg_is_in_recovery() AS standby,
       pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees_all_sessions,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker') AS workers_busy,
       clock_timestamp()::text AS taken_at
FROM pg_database d JOIN pg_stat_database s ON s.datid = d.oid
WHERE d.datname = current_database()
