-- PostgreSQL 14 to 18. Columns fed by a sequence, and how far it is. pg_sequence_last_value takes ROW EXCLUSIVE on the
-- sequence for a moment, so sequences that somebody locks more strongly, or waits to, are left out and counted.
WITH locked AS MATERIALIZED (
    SELECT DISTINCT relation FROM pg_locks
    WHERE locktype = 'relation' AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
), fed AS (
    SELECT d.objid AS sequence, d.refobjid AS rel, d.refobjsubid AS num
    FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
      AND d.refobjsubid > 0
    UNION
    SELECT d.refobjid, a.adrelid, a.adnum
    FROM pg_depend d JOIN pg_attrdef a ON a.oid = d.objid JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'
    WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
)
SELECT n.nspname || '.' || t.relname AS "table",
       quote_ident(n.nspname) || '.' || quote_ident(t.relname) AS quoted_table,
       a.attname AS "column",
       quote_ident(a.attname) AS quoted_column,
       format_type(a.atttypid, NULL) AS type,
       sn.nspname || '.' || s.relname AS sequence,
       quote_ident(sn.nspname) || '.' || quote_ident(s.relname) AS quoted_sequence,
       least(q.seqmax, CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647
                       ELSE 9223372036854775807 END) AS "limit",
       q.seqmax AS sequence_limit,
       l.relation IS NOT NULL AS locked,
       CASE WHEN l.relation IS NULL AND has_sequence_privilege(s.oid, 'SELECT,USAGE')
            THEN pg_sequence_last_value(s.oid) END AS last
FROM fed
JOIN pg_sequence q ON q.seqrelid = fed.sequence AND q.seqincrement > 0 AND NOT q.seqcycle
JOIN pg_class s ON s.oid = fed.sequence
JOIN pg_namespace sn ON sn.oid = s.relnamespace
JOIN pg_class t ON t.oid = fed.rel
JOIN pg_namespace n ON n.oid = t.relnamespace
JOIN pg_attribute a ON a.attrelid = fed.rel AND a.attnum = fed.num AND NOT a.attisdropped
LEFT JOIN locked l ON l.relation = fed.sequence
WHERE a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) AND s.relpersistence <> 't'
