-- How often this session scanned each index since its counts were last flushed, which never happens within a transaction.
-- PostgreSQL 14 and later; cost: one pass over pg_index.
SELECT x.indexrelid AS index, pg_stat_get_xact_numscans(x.indexrelid) AS scans
FROM pg_index AS x
WHERE x.indexrelid >= 16384
