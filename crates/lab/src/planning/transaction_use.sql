-- Index scans and blocks of this session since its counts were last flushed, which never happens within a transaction.
-- PostgreSQL 14 and later; cost: one pass over pg_class.
SELECT c.oid AS index, CASE WHEN c.relkind = 'i' THEN pg_stat_get_xact_numscans(c.oid) ELSE 0 END AS scans,
    pg_stat_get_xact_blocks_fetched(c.oid) AS blocks
FROM pg_class AS c
WHERE c.relkind IN ('r', 'i', 't', 'm') AND c.oid >= 16384
