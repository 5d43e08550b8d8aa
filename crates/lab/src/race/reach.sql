-- What decides how far a statement on a table reaches: code that runs with it, keys that tell one row, columns whose
-- change meets other rows, and the tables behind foreign keys; as one JSON document.
-- PostgreSQL 14 and later; cost: one scan of pg_class, pg_index, pg_trigger, pg_constraint and pg_proc.
WITH project AS (
    SELECT c.oid, c.relname AS name,
           -- Two tables of one name are not told apart.
           c.relhasrules OR c.relrowsecurity OR count(*) OVER (PARTITION BY c.relname) > 1
               OR EXISTS (SELECT FROM pg_inherits AS h WHERE c.oid IN (h.inhrelid, h.inhparent)) AS read_runs_code
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'underpin', 'underpin_race')
      AND n.nspname !~ '^pg_(toast|temp)'
), refusing AS (
    -- Indexes that may refuse a row for another's sake. They tell rows apart when they hold for every row at every
    -- moment, and each value of their columns has one text.
    SELECT i.indrelid, i.indexrelid, i.indisprimary,
           i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
               AND bool_and(a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'uuid'::regtype)
                            OR a.atttypid IN ('text'::regtype, 'varchar'::regtype) AND l.collisdeterministic)
               AS tells_rows,
           json_agg(json_build_array(a.attname, a.atttypid::regtype::text) ORDER BY a.attnum) AS columns
    FROM pg_index AS i
    LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid
                               AND a.attnum = ANY ((i.indkey::int2[])[0 : i.indnkeyatts - 1])
    LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
    WHERE i.indisunique OR i.indisexclusion
    GROUP BY i.indrelid, i.indexrelid, i.indisprimary
), described AS (
    SELECT p.name, p.read_runs_code,
           EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = p.oid AND NOT t.tgisinternal) AS write_runs_code,
           (SELECT coalesce(json_agg(r.columns ORDER BY r.indisprimary DESC, r.indexrelid), '[]')
            FROM refusing AS r
            WHERE r.indrelid = p.oid AND r.tells_rows) AS keys,
           EXISTS (SELECT FROM refusing AS r WHERE r.indrelid = p.oid AND r.tells_rows IS NOT TRUE) AS other_keys,
           (SELECT coalesce(json_agg(DISTINCT a.attname), '[]')
            FROM refusing AS r
            JOIN pg_index AS i ON i.indexrelid = r.indexrelid
            JOIN pg_attribute AS a ON a.attrelid = i.indrelid
            WHERE i.indrelid = p.oid
              AND (a.attnum = ANY (i.indkey::int2[])
                   OR EXISTS (SELECT FROM pg_depend AS d
                              WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                                AND d.refobjid = p.oid AND d.refobjsubid = a.attnum))) AS guarded,
           (SELECT coalesce(json_agg(json_build_object('table', r.relname, 'columns',
                       (SELECT json_agg(json_build_array(own.attname, theirs.attname))
                        FROM unnest(k.conkey, k.confkey) AS pair (own, theirs)
                        JOIN pg_attribute AS own ON own.attrelid = k.conrelid AND own.attnum = pair.own
                        JOIN pg_attribute AS theirs ON theirs.attrelid = k.confrelid AND theirs.attnum = pair.theirs))),
                    '[]')
            FROM pg_constraint AS k
            JOIN pg_class AS r ON r.oid = k.confrelid
            WHERE k.conrelid = p.oid AND k.contype = 'f') AS parents,
           (SELECT coalesce(json_agg(DISTINCT r.relname), '[]')
            FROM pg_constraint AS k
            JOIN pg_class AS r ON r.oid = k.conrelid
            WHERE k.confrelid = p.oid AND k.contype = 'f') AS children
    FROM project AS p
)
SELECT json_build_object(
           'tables', (SELECT coalesce(json_object_agg(d.name, to_json(d)), '{}') FROM described AS d),
           'functions', (SELECT coalesce(json_agg(DISTINCT f.proname), '[]')
                         FROM pg_proc AS f
                         JOIN pg_namespace AS n ON n.oid = f.pronamespace
                         WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'underpin_race')),
           'advisory', EXISTS (SELECT FROM pg_proc AS f
                               JOIN pg_namespace AS n ON n.oid = f.pronamespace
                               WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'underpin_race')
                                 AND f.prosrc ~* 'advisory'))
