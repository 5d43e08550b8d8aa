-- PostgreSQL 14 to 18. Tables of which ANALYZE knows something; as far as the user may see.
SELECT s.schemaname || '.' || s.tablename AS name, bool_or(NOT s.inherited) AS own, bool_or(s.inherited) AS whole
FROM pg_stats s WHERE s.schemaname NOT IN ('pg_catalog', 'information_schema')
GROUP BY 1
