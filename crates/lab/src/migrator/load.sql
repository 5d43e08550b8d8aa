-- What a backfill costs others: the largest replay lag of a standby in seconds, and the dead rows of its table with
-- the live ones. PostgreSQL 14 and later; reads statistics, waits for nothing. :table is the table.
-- The lag is NULL for roles outside pg_monitor, and when there is no standby.
SELECT
    (SELECT coalesce(max(extract(epoch FROM replay_lag)), 0) FROM pg_stat_replication),
    coalesce((SELECT n_dead_tup FROM pg_stat_all_tables WHERE relid = to_regclass(:table)), 0),
    coalesce((SELECT n_live_tup FROM pg_stat_all_tables WHERE relid = to_regclass(:table)), 0)
