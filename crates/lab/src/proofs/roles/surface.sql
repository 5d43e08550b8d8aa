-- What a role can reach: schemas, relations with their columns, and functions; $ROLE is replaced by its name.
-- PostgreSQL 14 and later; cost: one pass over pg_class, pg_attribute and pg_proc.
WITH project_schema AS (
    SELECT n.oid, n.nspname
    FROM pg_catalog.pg_namespace AS n
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
),
relation AS (
    SELECT s.nspname, c.relname, c.relkind, c.oid
    FROM pg_catalog.pg_class AS c
    JOIN project_schema AS s ON s.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm')
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_depend AS d
          WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
      )
),
routine AS (
    SELECT s.nspname, p.*
    FROM pg_catalog.pg_proc AS p
    JOIN project_schema AS s ON s.oid = p.pronamespace
    WHERE p.prokind IN ('f', 'p')
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_depend AS d
          WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
      )
)
SELECT json_build_object(
    'schemas', (SELECT coalesce(json_agg(s.nspname ORDER BY s.nspname), '[]') FROM project_schema AS s),
    'relations', (
        SELECT coalesce(json_agg(json_build_object(
            'schema', r.nspname,
            'name', r.relname,
            'table', r.relkind IN ('r', 'p'),
            'columns', (SELECT coalesce(json_agg(a.attname ORDER BY a.attnum), '[]')
                        FROM pg_catalog.pg_attribute AS a
                        WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped)
        ) ORDER BY r.nspname, r.relname), '[]')
        FROM relation AS r),
    'functions', (
        SELECT coalesce(json_agg(json_build_object(
            'schema', p.nspname,
            'name', p.proname,
            'signature', pg_get_function_identity_arguments(p.oid),
            'procedure', p.prokind = 'p',
            'trigger', p.prorettype IN ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype),
            'definer', p.prosecdef,
            'pinned', EXISTS (SELECT FROM unnest(p.proconfig) AS s (entry) WHERE s.entry LIKE 'search\_path=%'),
            'executable', has_function_privilege($ROLE, p.oid, 'EXECUTE')
                          AND has_schema_privilege($ROLE, p.pronamespace, 'USAGE'),
            'fires', EXISTS (SELECT FROM pg_catalog.pg_trigger AS g WHERE g.tgfoid = p.oid AND NOT g.tgisinternal),
            'arguments', (SELECT coalesce(json_agg(json_build_object(
                              'type_name', format_type(u.type_oid, NULL),
                              'category', t.typcategory,
                              'label', (SELECT e.enumlabel FROM pg_catalog.pg_enum AS e
                                        WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder LIMIT 1)
                          ) ORDER BY u.position), '[]')
                          FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS u (type_oid, position)
                          JOIN pg_catalog.pg_type AS t ON t.oid = u.type_oid)
        ) ORDER BY p.nspname, p.proname, pg_get_function_identity_arguments(p.oid)), '[]')
        FROM routine AS p)
)
