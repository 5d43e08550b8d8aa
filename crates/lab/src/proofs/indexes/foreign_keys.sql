-- Every foreign key with the query that the server runs when a parent goes (ri_triggers.c), and a key to ask it for: the
-- first parent's, and NULL where there is none.
-- PostgreSQL 14 and later; cost: one pass over pg_constraint.
SELECT c.conname AS name, n.nspname AS schema, t.relname AS table, t.reltuples::bigint AS rows,
    format('SELECT 1 FROM ONLY %I.%I AS x WHERE %s FOR KEY SHARE OF x', n.nspname, t.relname,
        (SELECT string_agg(format('$%s = x.%I', k.nth, a.attname), ' AND ' ORDER BY k.nth)
         FROM unnest(c.conkey) WITH ORDINALITY AS k (attnum, nth) JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.attnum)) AS check_sql,
    (SELECT string_agg(format_type(a.atttypid, a.atttypmod), ';' ORDER BY k.nth)
     FROM unnest(c.confkey) WITH ORDINALITY AS k (attnum, nth) JOIN pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = k.attnum) AS types,
    (SELECT string_agg(format('%I', a.attname), ', ' ORDER BY k.nth)
     FROM unnest(c.conkey) WITH ORDINALITY AS k (attnum, nth) JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS columns,
    format('SELECT %s FROM %s AS p ORDER BY (SELECT count(*) FROM (SELECT FROM ONLY %I.%I AS x WHERE %s LIMIT 3) AS y), 1 LIMIT 1',
        (SELECT string_agg(format('p.%I::text', a.attname), ', ' ORDER BY k.nth)
         FROM unnest(c.confkey) WITH ORDINALITY AS k (attnum, nth) JOIN pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = k.attnum),
        (SELECT format('(SELECT * FROM %I.%I LIMIT 40)', pn.nspname, p.relname)
         FROM pg_class AS p JOIN pg_namespace AS pn ON pn.oid = p.relnamespace WHERE p.oid = c.confrelid),
        n.nspname, t.relname,
        (SELECT string_agg(format('x.%I = p.%I', a.attname, b.attname), ' AND ')
         FROM unnest(c.conkey, c.confkey) AS k (own, far)
         JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.own
         JOIN pg_attribute AS b ON b.attrelid = c.confrelid AND b.attnum = k.far)) AS key_sql
FROM pg_constraint AS c
JOIN pg_class AS t ON t.oid = c.conrelid
JOIN pg_namespace AS n ON n.oid = t.relnamespace
WHERE c.contype = 'f' AND t.relkind = 'r' AND c.conparentid = 0
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'underpin')
ORDER BY n.nspname, t.relname, c.conname
