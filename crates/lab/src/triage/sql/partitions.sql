-- PostgreSQL 14 to 18. Every partition with the columns of its indexes, and the default partitions with their rows.
SELECT pn.nspname || '.' || p.relname AS parent,
       n.nspname || '.' || c.relname AS name,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS quoted,
       coalesce(d.partdefid = c.oid, false) AS is_default,
       greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid), 0) AS rows,
       (SELECT string_agg(columns, ';' ORDER BY columns) FROM (
            SELECT DISTINCT (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY u.at)
                    FROM unnest(x.indkey::int2[]) WITH ORDINALITY u(num, at)
                    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.num) AS columns
            FROM pg_index x WHERE x.indrelid = c.oid AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL) i
       ) AS indexes
FROM pg_inherits h
JOIN pg_class p ON p.oid = h.inhparent AND p.relkind = 'p'
JOIN pg_namespace pn ON pn.oid = p.relnamespace
JOIN pg_class c ON c.oid = h.inhrelid AND c.relkind = 'r'
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_partitioned_table d ON d.partrelid = p.oid
ORDER BY 1, 2
