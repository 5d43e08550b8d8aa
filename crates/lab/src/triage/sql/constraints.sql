-- PostgreSQL 14 to 18. Constraints that were added NOT VALID and never validated; not enforced ones (18) stay out.
SELECT k.conname AS name,
       quote_ident(k.conname) AS quoted,
       n.nspname || '.' || t.relname AS "table",
       quote_ident(n.nspname) || '.' || quote_ident(t.relname) AS quoted_table,
       CASE k.contype WHEN 'f' THEN 'foreign key' WHEN 'c' THEN 'check' ELSE 'not null' END AS kind,
       greatest(t.reltuples::bigint, pg_stat_get_live_tuples(t.oid)) AS rows
FROM pg_constraint k
JOIN pg_class t ON t.oid = k.conrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE NOT k.convalidated AND k.conparentid = 0
  AND coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true)
ORDER BY 3, 1
