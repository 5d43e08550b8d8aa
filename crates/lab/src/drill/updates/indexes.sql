-- Every index that holds a column which changed: as key, as INCLUDE, in an expression or in the predicate.
-- PostgreSQL 14 and later; cost: a look at pg_index and pg_depend per changed column.
SELECT DISTINCT x.indrelid::text AS table_oid, x.indexrelid::text AS oid, n.nspname AS schema, i.relname AS name
FROM underpin_drill.changed AS w
JOIN pg_attribute AS a ON a.attrelid = w.table_oid AND a.attname = w.column_name
JOIN pg_index AS x ON x.indrelid = w.table_oid
JOIN pg_class AS i ON i.oid = x.indexrelid
JOIN pg_namespace AS n ON n.oid = i.relnamespace
WHERE a.attnum = ANY (x.indkey::int2[])
   OR EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = x.indexrelid
          AND d.refclassid = 'pg_class'::regclass AND d.refobjid = x.indrelid AND d.refobjsubid = a.attnum
    )
ORDER BY table_oid, n.nspname, i.relname
