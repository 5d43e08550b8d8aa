-- Tables that hold rows of their own: ordinary tables and partitions. One row each: schema, name, pages of
-- the main file, bytes with TOAST, whether it can be read by ranges of pages, whether it is a ledger of
-- migrations.
-- Left out: temporary tables, those that belong to extensions, and on a standby unlogged ones, which nobody can read there.
-- PostgreSQL 14 to 18. Cost: about 2 ms for 40 tables; opens each table with ACCESS SHARE for its size.
SELECT n.nspname,
       c.relname,
       pg_relation_size(c.oid) / current_setting('block_size')::bigint AS pages,
       pg_table_size(c.oid) AS bytes,
       coalesce(a.amname = 'heap', false) AS by_pages,
       n.nspname = 'underpin'
       OR c.relname IN ('_sqlx_migrations', 'schema_migrations',
                        'refinery_schema_history', 'flyway_schema_history') AS ledger
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_am a ON a.oid = c.relam
 WHERE c.relkind = 'r'
   AND c.relpersistence <> 't'
   AND NOT (c.relpersistence = 'u' AND pg_is_in_recovery())
   AND n.nspname NOT LIKE 'pg\_%'
   AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname;
