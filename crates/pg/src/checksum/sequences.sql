-- Sequences, those of serial and identity columns included. One row each: schema, name, whether it belongs
-- to a ledger of migrations.
-- PostgreSQL 14 to 18. Cost: about 1 ms for 40 sequences; reads pg_class and pg_depend.
SELECT n.nspname,
       c.relname,
       n.nspname = 'underpin' OR EXISTS (
           SELECT
             FROM pg_depend d
             JOIN pg_class t ON t.oid = d.refobjid
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
              AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
              AND t.relname IN ('_sqlx_migrations', 'schema_migrations',
                                'refinery_schema_history', 'flyway_schema_history')) AS ledger
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'S'
   AND c.relpersistence <> 't'
   AND n.nspname NOT LIKE 'pg\_%'
   AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname;
