-- Every index of the project's tables, with its size and what rests on it.
-- PostgreSQL 14 and later; cost: one pass over pg_index.
SELECT x.indexrelid AS oid, x.indrelid AS table_oid, n.nspname AS schema, t.relname AS table, i.relname AS name,
    pg_relation_size(x.indexrelid) AS bytes, pg_relation_size(x.indrelid) AS table_bytes, t.reltuples::bigint AS rows,
    am.amname AS method, x.indisunique OR x.indisexclusion AS constrains,
    coalesce(pg_get_expr(x.indpred, x.indrelid), '') AS predicate,
    (SELECT string_agg(pg_get_indexdef(x.indexrelid, k, true), ', ' ORDER BY k) FROM generate_series(1, x.indnkeyatts) AS k) AS keys,
    (SELECT string_agg(pg_get_indexdef(x.indexrelid, k, true), ', ' ORDER BY k) FROM generate_series(x.indnkeyatts + 1, x.indnatts) AS k) AS included,
    replace(pg_get_indexdef(x.indexrelid), format('INDEX %I ON', i.relname), 'INDEX ON') AS definition,
    x.indoption::text || x.indclass::text || x.indcollation::text AS classes
FROM pg_index AS x
JOIN pg_class AS i ON i.oid = x.indexrelid
JOIN pg_class AS t ON t.oid = x.indrelid
JOIN pg_namespace AS n ON n.oid = t.relnamespace
JOIN pg_am AS am ON am.oid = i.relam
WHERE i.relkind = 'i' AND t.relkind IN ('r', 'm') AND x.indisvalid
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'underpin') AND n.nspname NOT LIKE 'pg\_%'
ORDER BY n.nspname, t.relname, i.relname
