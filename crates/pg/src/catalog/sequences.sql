-- Sequences, those of serial and identity columns included. One row each: document as JSON.
-- PostgreSQL 14 to 18. Cost: about 1 ms for 40 sequences; reads pg_sequence, not the sequences themselves.
SELECT json_build_object(
           'schema', n.nspname,
           'name', c.relname,
           'owner', pg_get_userbyid(c.relowner),
           'type_name', format_type(s.seqtypid, NULL),
           'parameters', concat_ws('/', s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
                                   CASE WHEN s.seqcycle THEN 'cycle' ELSE 'no cycle' END),
           'max_value', s.seqmax,
           'owned_by', owner.column_name,
           'comment', obj_description(c.oid, 'pg_class'))::text AS document
  FROM pg_sequence s
  JOIN pg_class c ON c.oid = s.seqrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  -- 'a' for serial columns and OWNED BY, 'i' for identity columns.
  LEFT JOIN LATERAL (SELECT tn.nspname || '.' || t.relname || '.' || a.attname AS column_name,
                            t.relname AS table_name
                       FROM pg_depend d
                       JOIN pg_class t ON t.oid = d.refobjid
                       JOIN pg_namespace tn ON tn.oid = t.relnamespace
                       JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
                      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
                        AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')) owner ON true
 WHERE n.nspname NOT LIKE 'pg\_%'
   AND n.nspname NOT IN ('information_schema', 'underpin')
   AND coalesce(owner.table_name, '') NOT IN ('_sqlx_migrations', 'schema_migrations',
                                              'refinery_schema_history', 'flyway_schema_history')
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname;
