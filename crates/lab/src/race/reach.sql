-- What decides how far a statement on a table reaches: code that runs with it, keys that tell one row, columns whose
-- change meets other rows, and the tables behind foreign keys.
-- PostgreSQL 14 and later; cost: one scan of pg_class, pg_index, pg_trigger and pg_constraint.
SELECT c.relname AS name,
       c.relhasrules OR c.relrowsecurity
           OR EXISTS (SELECT FROM pg_inherits AS h WHERE c.oid IN (h.inhrelid, h.inhparent)) AS read_runs_code,
       EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal) AS write_runs_code,
       -- Only types whose values have one text each, and keys that hold for every row at every moment.
       (SELECT coalesce(json_agg(k.columns ORDER BY k.indisprimary DESC, k.indexrelid), '[]')
        FROM (SELECT i.indexrelid, i.indisprimary,
                     json_agg(json_build_array(a.attname, a.atttypid::regtype::text) ORDER BY a.attnum) AS columns
              FROM pg_index AS i
              JOIN pg_attribute AS a ON a.attrelid = i.indrelid
                                    AND a.attnum = ANY ((i.indkey::int2[])[0 : i.indnkeyatts - 1])
              LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
              WHERE i.indrelid = c.oid
                AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
              GROUP BY i.indexrelid, i.indisprimary
              HAVING bool_and(a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'uuid'::regtype)
                              OR a.atttypid IN ('text'::regtype, 'varchar'::regtype) AND l.collisdeterministic)
             ) AS k) AS keys,
       EXISTS (SELECT FROM pg_index AS i
               WHERE i.indrelid = c.oid
                 AND (i.indisexclusion
                      OR i.indisunique AND (NOT i.indimmediate OR NOT i.indisvalid OR i.indpred IS NOT NULL OR i.indexprs IS NOT NULL
                          OR EXISTS (SELECT FROM pg_attribute AS a
                                     LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
                                     WHERE a.attrelid = c.oid
                                       AND a.attnum = ANY ((i.indkey::int2[])[0 : i.indnkeyatts - 1])
                                       AND a.atttypid NOT IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'uuid'::regtype)
                                       AND NOT (a.atttypid IN ('text'::regtype, 'varchar'::regtype) AND l.collisdeterministic))))
              ) AS other_keys,
       (SELECT coalesce(json_agg(DISTINCT a.attname), '[]')
        FROM pg_index AS i
        JOIN pg_attribute AS a ON a.attrelid = i.indrelid
        WHERE i.indrelid = c.oid
          AND (i.indisunique OR i.indisexclusion)
          AND (a.attnum = ANY (i.indkey::int2[])
               OR EXISTS (SELECT FROM pg_depend AS d
                          WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                            AND d.refobjid = c.oid AND d.refobjsubid = a.attnum))) AS guarded,
       (SELECT coalesce(json_agg(json_build_array(p.relname,
                   (SELECT json_agg(a.attname) FROM pg_attribute AS a
                    WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)))), '[]')
        FROM pg_constraint AS k
        JOIN pg_class AS p ON p.oid = k.confrelid
        WHERE k.conrelid = c.oid AND k.contype = 'f') AS parents,
       (SELECT coalesce(json_agg(DISTINCT r.relname), '[]')
        FROM pg_constraint AS k
        JOIN pg_class AS r ON r.oid = k.conrelid
        WHERE k.confrelid = c.oid AND k.contype = 'f') AS children
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'underpin', 'underpin_race')
  AND n.nspname !~ '^pg_(toast|temp)'
ORDER BY 1
