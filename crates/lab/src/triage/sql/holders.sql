-- PostgreSQL 14 to 18. Who besides sessions keeps old row versions or old log: slots, prepared transactions, standbys.
SELECT 'slot' AS kind, s.slot_name::text AS name, coalesce(s.active_pid::text, '') AS pid,
       greatest(age(s.xmin), age(s.catalog_xmin)) AS xmin_age, coalesce(s.xmin, s.catalog_xmin)::text AS xmin,
       s.active AS active, NULL::float8 AS seconds,
       CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn) END AS bytes_behind,
       coalesce(s.wal_status, '') AS state, coalesce(s.database, '') AS database
FROM pg_replication_slots s
UNION ALL
SELECT 'prepared', p.gid, '', age(p.transaction), p.transaction::text, true,
       extract(epoch FROM clock_timestamp() - p.prepared), NULL, '', p.database
FROM pg_prepared_xacts p
UNION ALL
SELECT 'standby', coalesce(nullif(r.application_name, ''), r.pid::text), r.pid::text, age(r.backend_xmin), r.backend_xmin::text,
       true, extract(epoch FROM r.replay_lag),
       CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn) END, r.state, ''
FROM pg_stat_replication r
