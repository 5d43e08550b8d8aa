-- PostgreSQL 14 to 18. Where the data lie, since when rows are counted, and whether the log is archived; some milliseconds.
-- pg_settings hides data_directory from roles that may not see it, where current_setting would fail. The upper half of the
-- system identifier is the time of initdb, the earliest moment from which anything can have been counted.
SELECT (SELECT setting FROM pg_settings WHERE name = 'data_directory') AS data_directory,
       extract(epoch FROM pg_postmaster_start_time())::bigint AS started,
       extract(epoch FROM clock_timestamp() - coalesce(
           d.stats_reset,
           to_timestamp(((c.system_identifier >> 32) & 4294967295)::float8))) / 86400 AS counted_days,
       current_setting('archive_mode') AS archive_mode,
       a.last_failed_wal AS failed_segment,
       coalesce(a.last_failed_time > coalesce(a.last_archived_time, '-infinity'), false) AS archive_fails,
       a.failed_count AS failures,
       CASE
           WHEN NOT pg_is_in_recovery() AND a.last_failed_wal ~ '^[0-9A-F]{24}$' THEN
               pg_wal_lsn_diff(pg_current_wal_lsn(), (substr(a.last_failed_wal, 9, 8) || '/0')::pg_lsn)
               - ('x' || substr(a.last_failed_wal, 17, 8))::bit(32)::bigint
                 * (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size')
       END AS kept_bytes
FROM pg_stat_archiver a, pg_control_system() c, pg_stat_database d
WHERE d.datname = current_database()
