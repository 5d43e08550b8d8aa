-- PostgreSQL 14 to 18. Every index with its definition as the catalog holds it; pg_get_indexdef would lock the index.
WITH builds AS MATERIALIZED (SELECT * FROM pg_stat_progress_create_index)
SELECT n.nspname || '.' || i.relname AS name,
       quote_ident(n.nspname) || '.' || quote_ident(i.relname) AS quoted,
       n.nspname || '.' || t.relname AS "table",
       quote_ident(n.nspname) || '.' || quote_ident(t.relname) AS quoted_table,
       t.relkind::text AS table_kind,
       x.indisvalid AS valid,
       x.indisunique AS is_unique,
       x.indexrelid IN (SELECT conindid FROM pg_constraint) AS serves_constraint,
       EXISTS (SELECT FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid = x.indrelid
               AND k.conkey[1] = x.indkey[0]) AS serves_foreign_key,
       EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = x.indexrelid) AS attached,
       EXISTS (SELECT FROM builds p
               WHERE p.index_relid = x.indexrelid OR (p.index_relid = 0 AND p.relid = x.indrelid)) AS being_built,
       concat_ws('|', x.indrelid, i.relam, x.indkey, x.indcollation, x.indclass, x.indoption,
                 regexp_replace(x.indexprs::text, ':location -?[0-9]+', '', 'g'),
                 regexp_replace(x.indpred::text, ':location -?[0-9]+', '', 'g')) AS definition,
       i.relpages AS pages,
       pg_stat_get_numscans(x.indexrelid) AS scans,
       (SELECT sum(pg_stat_get_numscans(o.indexrelid)) FROM pg_index o
        WHERE o.indrelid = x.indrelid AND o.indexrelid <> x.indexrelid) AS other_scans,
       pg_stat_get_tuples_updated(x.indrelid) + pg_stat_get_tuples_deleted(x.indrelid) AS writes
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND t.relpersistence <> 't'
ORDER BY x.indexrelid
