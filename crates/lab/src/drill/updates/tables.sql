-- Every table that was updated since its database was made, the most updated first, with the columns that changed.
-- PostgreSQL 14 and later; cost: one pass over the tables' counters.
SELECT s.relid::text AS oid, s.schemaname AS schema, s.relname AS name, c.reltuples::bigint AS rows,
    s.n_tup_upd AS updates, s.n_tup_hot_upd AS hot,
    coalesce((SELECT o.option_value FROM pg_options_to_table(c.reloptions) AS o WHERE o.option_name = 'fillfactor'), '100') AS fillfactor,
    (SELECT string_agg(format('%s (%s)', w.column_name, w.times), ', ' ORDER BY w.times DESC, w.column_name)
     FROM underpin_drill.changed AS w WHERE w.table_oid = s.relid) AS columns
FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid
WHERE s.n_tup_upd > 0 AND s.schemaname NOT IN ('underpin', 'underpin_drill')
ORDER BY s.n_tup_upd DESC, s.schemaname, s.relname
