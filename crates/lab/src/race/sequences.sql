-- The project's sequences, with the statement that brings each back to where it stands.
-- PostgreSQL 14 and later; cost: one scan of pg_sequences.
SELECT c.oid::text AS oid, c.relname AS name,
       format('SELECT setval(%L, %s, %L)', c.oid::regclass, coalesce(s.last_value, s.start_value), s.last_value IS NOT NULL) AS reset,
       coalesce(s.last_value, s.start_value - 1) AS last
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_sequences AS s ON s.schemaname = n.nspname AND s.sequencename = c.relname
WHERE c.relkind = 'S'
  AND n.nspname NOT IN ('underpin', 'underpin_race')
ORDER BY 2
