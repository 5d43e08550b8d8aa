-- Extended statistics objects of the project, with the statement that makes each.
-- PostgreSQL 14 and later; cost: one pass over pg_statistic_ext.
SELECT n.nspname AS schema, s.stxname AS name, t.relname AS table, pg_get_statisticsobjdef(s.oid) AS definition
FROM pg_statistic_ext AS s
JOIN pg_namespace AS n ON n.oid = s.stxnamespace
JOIN pg_class AS t ON t.oid = s.stxrelid
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'underpin')
ORDER BY n.nspname, s.stxname
