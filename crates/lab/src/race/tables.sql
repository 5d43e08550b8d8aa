-- The project's tables, with what is needed to copy, compare and restore them.
-- `compared`: every column as text; clocks that moved, numbers that a sequence gave since now and, inside of texts,
-- UUIDs and times are masked, as two runs never agree on them.
-- PostgreSQL 14 and later; cost: one scan of pg_class, pg_attribute and pg_constraint.
WITH numbered AS (
    SELECT d.refobjid AS relid, d.refobjsubid AS attnum, coalesce(s.last_value, s.start_value - 1) AS last
    FROM pg_depend AS d
    JOIN pg_class AS q ON q.oid = d.objid AND q.relkind = 'S'
    JOIN pg_namespace AS n ON n.oid = q.relnamespace
    JOIN pg_sequences AS s ON s.schemaname = n.nspname AND s.sequencename = q.relname
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
      AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
), given AS (
    SELECT relid, attnum, last FROM numbered
    UNION
    SELECT k.conrelid, k.conkey[1], r.last
    FROM pg_constraint AS k
    JOIN numbered AS r ON r.relid = k.confrelid AND r.attnum = k.confkey[1]
    WHERE k.contype = 'f' AND cardinality(k.conkey) = 1
)
SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS name,
       -- What a statement calls it; with its schema, where two tables have one name.
       CASE WHEN count(*) OVER (PARTITION BY c.relname) > 1 THEN n.nspname || '.' || c.relname ELSE c.relname END
           AS called,
       to_regclass(format('underpin_race.copy_%s', c.oid)) IS NOT NULL AS copied,
       (SELECT coalesce(string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), '')
        FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
       (SELECT coalesce(string_agg(
            CASE
                WHEN a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype)
                    THEN format('CASE WHEN %I > %L THEN ''now'' ELSE %1$I::text END', a.attname, clock_timestamp())
                WHEN pg_get_expr(d.adbin, d.adrelid) ~ 'uuid' THEN format('%L', 'uuid')
                WHEN g.last IS NOT NULL
                    THEN format('CASE WHEN %I > %s THEN ''given'' ELSE %1$I::text END', a.attname, g.last)
                WHEN a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'json'::regtype, 'jsonb'::regtype)
                    THEN format('regexp_replace(regexp_replace(%I::text, %L, ''uuid'', ''gi''), %L, ''time'', ''g'')',
                        a.attname, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}',
                        '[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9.]+')
                ELSE format('%I', a.attname)
            END, ', ' ORDER BY a.attnum), 'NULL')
        FROM pg_attribute AS a
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        LEFT JOIN (SELECT relid, attnum, min(last) AS last FROM given GROUP BY 1, 2) AS g
               ON g.relid = a.attrelid AND g.attnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS compared
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'underpin', 'underpin_race')
  AND n.nspname !~ '^pg_(toast|temp)'
ORDER BY 2, 3
