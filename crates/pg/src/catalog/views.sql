-- Views and materialized views without their indexes and triggers. One row each: document as JSON.
-- PostgreSQL 14 to 18. Cost: about 5 ms for 20 views. pg_get_viewdef opens the view and what it reads with
-- ACCESS SHARE: it waits behind a migration that holds ACCESS EXCLUSIVE, for as long as lock_timeout
-- allows.
SELECT json_build_object(
           'schema', n.nspname,
           'name', c.relname,
           'materialized', c.relkind = 'm',
           'owner', pg_get_userbyid(c.relowner),
           'definition', coalesce(pg_get_viewdef(c.oid), ''),
           'options', ARRAY(SELECT o.setting
                              FROM unnest(c.reloptions) AS o(setting)
                             ORDER BY o.setting COLLATE "C"),
           'columns', ARRAY(SELECT a.attname
                              FROM pg_attribute a
                             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                             ORDER BY a.attnum),
           'reads', ARRAY(SELECT DISTINCT (rn.nspname || '.' || r.relname) COLLATE "C" AS read
                            FROM pg_rewrite w
                            JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                                            AND d.refclassid = 'pg_class'::regclass
                            JOIN pg_class r ON r.oid = d.refobjid AND r.relkind IN ('r', 'p', 'f', 'v', 'm')
                            JOIN pg_namespace rn ON rn.oid = r.relnamespace
                           WHERE w.ev_class = c.oid AND w.rulename = '_RETURN' AND r.oid <> c.oid
                           ORDER BY read),
           'comment', obj_description(c.oid, 'pg_class'))::text AS document
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('v', 'm')
   AND n.nspname NOT LIKE 'pg\_%'
   AND n.nspname NOT IN ('information_schema', 'underpin')
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname;
