-- PostgreSQL 14 to 18. What moves between two looks at the tables; about 20 ms for 10 000 tables.
SELECT c.oid::text AS oid, pg_stat_get_numscans(c.oid) AS seq_scans, pg_stat_get_tuples_returned(c.oid) AS seq_rows
FROM pg_class c
WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND pg_stat_get_numscans(c.oid) > 0 AND c.relnamespace <> 'pg_catalog'::regnamespace
