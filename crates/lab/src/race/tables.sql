-- The project's tables, with what is needed to copy, compare and restore them.
-- `compared`: every column as text; clocks that moved and numbers that a sequence gave since now are masked,
-- as two runs never agree on them.
-- PostgreSQL 14 and later; cost: one scan of pg_class, pg_attribute and pg_constraint.
SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS name,
       (SELECT coalesce(string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), '')
        FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
       (SELECT coalesce(string_agg(
            CASE
                WHEN a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype)
                    THEN format('CASE WHEN %I > %L THEN ''now'' ELSE %1$I::text END', a.attname, clock_timestamp())
                WHEN pg_get_expr(d.adbin, d.adrelid) ~ 'uuid' THEN format('%L', 'uuid')
                ELSE format('%I', a.attname)
            END, ', ' ORDER BY a.attnum), 'NULL')
        FROM pg_attribute AS a
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS compared,
       (SELECT coalesce(string_agg(DISTINCT r.relname, E'\n'), '')
        FROM pg_constraint AS k
        JOIN pg_class AS r ON r.oid = k.conrelid
        WHERE k.contype = 'f' AND k.confrelid = c.oid) AS referenced_by
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'underpin', 'underpin_race')
  AND n.nspname !~ '^pg_(toast|temp)'
ORDER BY 2, 3
