-- Every table of the project with its columns, as one JSON array; partitions follow their parent.
-- PostgreSQL 14 and later; cost: one pass over pg_class and pg_attribute.
WITH project_table AS (
    SELECT c.oid, n.nspname, c.relname, c.relispartition
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
project_column AS (
    SELECT
        t.oid AS table_oid,
        a.attnum,
        json_build_object(
            'name', a.attname,
            'type_name', format_type(base.type_oid, base.modifier),
            'base_type', ty.typname,
            'category', ty.typcategory,
            'not_null', a.attnotnull,
            'inherited', a.attinhcount > 0,
            'identity', a.attidentity <> '',
            'has_default', a.atthasdef AND a.attgenerated = '',
            'generated', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(ad.adbin, ad.adrelid) END,
            'domain', CASE WHEN a.atttypid <> base.type_oid THEN a.atttypid::regtype::text END,
            'labels', (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder)
                       FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = ty.oid)
        ) AS described
    FROM project_table AS t
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_attrdef AS ad ON ad.adrelid = a.attrelid AND ad.adnum = a.attnum
    CROSS JOIN LATERAL (
        WITH RECURSIVE below (type_oid, modifier, depth) AS (
            SELECT a.atttypid, a.atttypmod, 0
            UNION ALL
            SELECT d.typbasetype, d.typtypmod, below.depth + 1
            FROM below
            JOIN pg_catalog.pg_type AS d ON d.oid = below.type_oid AND d.typtype = 'd'
        )
        SELECT below.type_oid, below.modifier FROM below ORDER BY below.depth DESC LIMIT 1
    ) AS base
    JOIN pg_catalog.pg_type AS ty ON ty.oid = base.type_oid
)
SELECT coalesce(json_agg(
    json_build_object(
        'schema', t.nspname,
        'name', t.relname,
        'partition', t.relispartition,
        'columns', (SELECT coalesce(json_agg(c.described ORDER BY c.attnum), '[]')
                    FROM project_column AS c WHERE c.table_oid = t.oid)
    ) ORDER BY t.nspname, t.relname
), '[]')
FROM project_table AS t
