-- PostgreSQL 14 to 18. Foreign keys whose columns lead no index, of tables with more than a few rows.
SELECT k.conname AS name,
       n.nspname || '.' || t.relname AS "table",
       quote_ident(n.nspname) || '.' || quote_ident(t.relname) AS quoted_table,
       pn.nspname || '.' || p.relname AS parent,
       (SELECT string_agg(a.attname, ',' ORDER BY u.at) FROM unnest(k.conkey) WITH ORDINALITY u(num, at)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num) AS columns,
       (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY u.at) FROM unnest(k.conkey) WITH ORDINALITY u(num, at)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num) AS quoted_columns,
       greatest(t.reltuples::bigint, pg_stat_get_live_tuples(t.oid)) AS rows,
       pg_stat_get_tuples_deleted(p.oid) AS parent_deletes
FROM pg_constraint k
JOIN pg_class t ON t.oid = k.conrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
JOIN pg_class p ON p.oid = k.confrelid
JOIN pg_namespace pn ON pn.oid = p.relnamespace
WHERE k.contype = 'f' AND t.relkind = 'r'
  AND NOT EXISTS (
      SELECT FROM pg_index x
      WHERE x.indrelid = k.conrelid AND x.indpred IS NULL AND x.indisvalid
        -- indkey counts from 0; the first columns must be those of the key, in any order.
        AND (SELECT count(*) FROM generate_series(0, cardinality(k.conkey) - 1) at
             WHERE x.indkey[at] = ANY (k.conkey)) = cardinality(k.conkey))
