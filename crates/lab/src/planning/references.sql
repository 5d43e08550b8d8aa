-- Every foreign key with the query that the server runs when a parent goes (ri_triggers.c), and the query for a key to ask
-- it for: that of the parent to which the fewest rows refer.
-- PostgreSQL 14 and later; cost: one pass over pg_constraint.
SELECT c.conname AS name, n.nspname AS schema, t.relname AS table, t.reltuples::bigint AS rows,
    format('SELECT 1 FROM ONLY %I.%I AS x WHERE %s FOR KEY SHARE OF x', n.nspname, t.relname,
        (SELECT string_agg(format('$%s = x.%I', k.nth, a.attname), ' AND ' ORDER BY k.nth)
         FROM unnest(c.conkey) WITH ORDINALITY AS k (attnum, nth) JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.attnum)) AS check_sql,
    (SELECT string_agg(format_type(a.atttypid, a.atttypmod), ';' ORDER BY k.nth)
     FROM unnest(c.confkey) WITH ORDINALITY AS k (attnum, nth) JOIN pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = k.attnum) AS types,
    (SELECT string_agg(format('%I', a.attname), ', ' ORDER BY k.nth)
     FROM unnest(c.conkey) WITH ORDINALITY AS k (attnum, nth) JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS columns,
    format('SELECT %s FROM %I.%I AS p LEFT JOIN (SELECT %s, count(*) AS n FROM ONLY %I.%I GROUP BY %s) AS x ON %s ORDER BY coalesce(x.n, 0), 1 LIMIT 1',
        k.parent_keys, fn.nspname, f.relname, k.own_keys, n.nspname, t.relname, k.own_keys, k.matches) AS key_sql
FROM pg_constraint AS c
JOIN pg_class AS t ON t.oid = c.conrelid
JOIN pg_namespace AS n ON n.oid = t.relnamespace
JOIN pg_class AS f ON f.oid = c.confrelid
JOIN pg_namespace AS fn ON fn.oid = f.relnamespace
CROSS JOIN LATERAL (
    SELECT string_agg(format('p.%I::text', b.attname), ', ' ORDER BY k.nth) AS parent_keys,
        string_agg(format('%I', a.attname), ', ' ORDER BY k.nth) AS own_keys,
        string_agg(format('x.%I = p.%I', a.attname, b.attname), ' AND ' ORDER BY k.nth) AS matches
    FROM unnest(c.conkey, c.confkey) WITH ORDINALITY AS k (own, far, nth)
    JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.own
    JOIN pg_attribute AS b ON b.attrelid = c.confrelid AND b.attnum = k.far
) AS k
WHERE c.contype = 'f' AND t.relkind = 'r' AND c.conparentid = 0
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'underpin')
ORDER BY n.nspname, t.relname, c.conname
