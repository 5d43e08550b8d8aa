-- Every CHECK, FOREIGN KEY, UNIQUE, PRIMARY KEY and EXCLUSION rule of the project's tables and of the domains
-- that their columns use, unique indexes without a constraint included, inherited copies left out; one JSON array.
-- PostgreSQL 14 and later; cost: one pass over pg_constraint, pg_index and pg_trigger.
WITH project_table AS (
    SELECT c.oid, n.nspname AS schema, c.relname AS name
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p')
      AND c.relpersistence <> 't'
      AND n.nspname !~ '^pg_'
      AND n.nspname NOT IN ('information_schema', 'underpin')
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_depend AS d
          WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
      )
),
column_name AS (
    SELECT a.attrelid, a.attnum, a.attname FROM pg_catalog.pg_attribute AS a WHERE a.attnum > 0
),
table_check AS (
    SELECT t.schema, t.name, k.conname,
        json_build_object(
            'kind', 'check', 'schema', t.schema, 'table', t.name, 'name', k.conname,
            'columns', (SELECT coalesce(json_agg(n.attname ORDER BY u.position), '[]')
                        FROM unnest(k.conkey) WITH ORDINALITY AS u (attnum, position)
                        JOIN column_name AS n ON n.attrelid = k.conrelid AND n.attnum = u.attnum),
            'expression', pg_get_expr(k.conbin, k.conrelid),
            'disabled', CASE WHEN to_jsonb(k) ->> 'conenforced' = 'false' THEN 'it is declared NOT ENFORCED' END
        ) AS described
    FROM pg_catalog.pg_constraint AS k
    JOIN project_table AS t ON t.oid = k.conrelid
    WHERE k.contype = 'c' AND k.coninhcount = 0
),
domain_check AS (
    SELECT t.schema, t.name, k.conname,
        json_build_object(
            'kind', 'domain-check', 'schema', t.schema, 'table', t.name, 'name', k.conname,
            'columns', json_build_array(a.attname),
            'expression', pg_get_expr(k.conbin, 0),
            'domain', d.oid::regtype::text
        ) AS described
    FROM pg_catalog.pg_constraint AS k
    JOIN pg_catalog.pg_type AS d ON d.oid = k.contypid AND d.typtype = 'd'
    JOIN pg_catalog.pg_attribute AS a ON a.atttypid = d.oid AND NOT a.attisdropped AND a.attinhcount = 0
    JOIN project_table AS t ON t.oid = a.attrelid
    WHERE k.contype = 'c'
),
domain_not_null AS (
    SELECT t.schema, t.name, d.typname AS conname,
        json_build_object(
            'kind', 'domain-not-null', 'schema', t.schema, 'table', t.name, 'name', d.typname,
            'columns', json_build_array(a.attname),
            'domain', d.oid::regtype::text
        ) AS described
    FROM pg_catalog.pg_type AS d
    JOIN pg_catalog.pg_attribute AS a ON a.atttypid = d.oid AND NOT a.attisdropped AND a.attinhcount = 0
    JOIN project_table AS t ON t.oid = a.attrelid
    WHERE d.typtype = 'd' AND d.typnotnull AND NOT a.attnotnull
),
foreign_key AS (
    SELECT t.schema, t.name, k.conname,
        json_build_object(
            'kind', 'foreign-key', 'schema', t.schema, 'table', t.name, 'name', k.conname,
            'columns', (SELECT json_agg(n.attname ORDER BY u.position)
                        FROM unnest(k.conkey) WITH ORDINALITY AS u (attnum, position)
                        JOIN column_name AS n ON n.attrelid = k.conrelid AND n.attnum = u.attnum),
            'aliases', (SELECT coalesce(json_agg(DISTINCT c.conname), '[]')
                        FROM pg_catalog.pg_constraint AS c WHERE c.conparentid = k.oid),
            'reference', json_build_object(
                'schema', pn.nspname, 'table', p.relname,
                'columns', (SELECT json_agg(n.attname ORDER BY u.position)
                            FROM unnest(k.confkey) WITH ORDINALITY AS u (attnum, position)
                            JOIN column_name AS n ON n.attrelid = k.confrelid AND n.attnum = u.attnum),
                'on_delete', k.confdeltype),
            'disabled', CASE
                WHEN to_jsonb(k) ->> 'conenforced' = 'false' THEN 'it is declared NOT ENFORCED'
                WHEN EXISTS (SELECT FROM pg_catalog.pg_trigger AS g
                             WHERE g.tgconstraint = k.oid AND g.tgenabled IN ('D', 'R'))
                THEN 'its triggers are disabled (ALTER TABLE … DISABLE TRIGGER ALL)' END
        ) AS described
    FROM pg_catalog.pg_constraint AS k
    JOIN project_table AS t ON t.oid = k.conrelid
    JOIN pg_catalog.pg_class AS p ON p.oid = k.confrelid
    JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace
    WHERE k.contype = 'f' AND k.conparentid = 0
),
indexed AS (
    SELECT t.schema, t.name, coalesce(k.conname, ic.relname) AS conname,
        json_build_object(
            'kind', CASE WHEN i.indisexclusion THEN 'exclusion'
                         WHEN i.indisprimary THEN 'primary-key'
                         WHEN k.oid IS NULL THEN 'unique-index' ELSE 'unique' END,
            'schema', t.schema, 'table', t.name, 'name', coalesce(k.conname, ic.relname),
            'columns', (SELECT coalesce(json_agg(n.attname ORDER BY u.position), '[]')
                        FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u (attnum, position)
                        JOIN column_name AS n ON n.attrelid = i.indrelid AND n.attnum = u.attnum
                        WHERE u.position <= i.indnkeyatts),
            'inputs', (SELECT coalesce(json_agg(DISTINCT n.attname), '[]')
                       FROM pg_catalog.pg_depend AS d
                       JOIN column_name AS n ON n.attrelid = i.indrelid AND n.attnum = d.refobjsubid
                       WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid
                         AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = i.indrelid),
            'expression', pg_get_expr(i.indpred, i.indrelid),
            'operators', (SELECT json_agg(o.oprname ORDER BY u.position)
                          FROM unnest(k.conexclop) WITH ORDINALITY AS u (op, position)
                          JOIN pg_catalog.pg_operator AS o ON o.oid = u.op),
            'nulls_equal', coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false),
            'aliases', (WITH RECURSIVE part (oid) AS (
                            SELECT h.inhrelid FROM pg_catalog.pg_inherits AS h WHERE h.inhparent = i.indexrelid
                            UNION ALL
                            SELECT h.inhrelid FROM pg_catalog.pg_inherits AS h JOIN part ON h.inhparent = part.oid)
                        SELECT coalesce(json_agg(c.relname ORDER BY c.relname), '[]')
                        FROM part JOIN pg_catalog.pg_class AS c ON c.oid = part.oid),
            'disabled', CASE WHEN NOT i.indisvalid OR NOT i.indisready
                             THEN 'its index is invalid: it was never built to the end'
                             WHEN EXISTS (SELECT FROM pg_catalog.pg_trigger AS g
                                          WHERE g.tgconstraint = k.oid AND g.tgenabled IN ('D', 'R'))
                             THEN 'its triggers are disabled (ALTER TABLE … DISABLE TRIGGER ALL)' END
        ) AS described
    FROM pg_catalog.pg_index AS i
    JOIN project_table AS t ON t.oid = i.indrelid
    JOIN pg_catalog.pg_class AS ic ON ic.oid = i.indexrelid AND NOT ic.relispartition
    LEFT JOIN pg_catalog.pg_constraint AS k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
    WHERE i.indisunique OR i.indisexclusion
),
every AS (
    SELECT * FROM table_check
    UNION ALL SELECT * FROM domain_check
    UNION ALL SELECT * FROM domain_not_null
    UNION ALL SELECT * FROM foreign_key
    UNION ALL SELECT * FROM indexed
)
SELECT coalesce(json_agg(e.described ORDER BY e.schema, e.name, e.conname, e.described::text), '[]') FROM every AS e
