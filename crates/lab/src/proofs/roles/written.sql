-- Tables that the current transaction (and what the session has not reported yet) wrote, with the rows written.
-- PostgreSQL 14 and later; cost: one pass over pg_class, no table is read.
SELECT schemaname || '.' || relname AS name, n_tup_ins + n_tup_upd + n_tup_del AS written
FROM pg_catalog.pg_stat_xact_user_tables
WHERE n_tup_ins + n_tup_upd + n_tup_del > 0
ORDER BY 1
