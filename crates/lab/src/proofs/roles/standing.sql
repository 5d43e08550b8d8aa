-- Attributes of one role and the roles it can act as; $ROLE is replaced by its name as a literal.
-- PostgreSQL 14 and later; cost: one pass over pg_roles.
SELECT 'attribute' AS kind, a.word AS name
FROM pg_catalog.pg_roles AS r
CROSS JOIN LATERAL (VALUES
    ('SUPERUSER', r.rolsuper),
    ('CREATEROLE', r.rolcreaterole),
    ('CREATEDB', r.rolcreatedb),
    ('REPLICATION', r.rolreplication),
    ('BYPASSRLS', r.rolbypassrls)
) AS a (word, held)
WHERE r.rolname = $ROLE AND a.held
UNION ALL
SELECT 'member', m.rolname
FROM pg_catalog.pg_roles AS r
JOIN pg_catalog.pg_roles AS m ON m.oid <> r.oid AND pg_has_role(r.oid, m.oid, 'MEMBER')
WHERE r.rolname = $ROLE
  AND NOT r.rolsuper
  AND (m.rolsuper
       OR m.rolname IN (
           'pg_checkpoint', 'pg_create_subscription', 'pg_execute_server_program', 'pg_maintain', 'pg_read_all_data',
           'pg_read_server_files', 'pg_signal_backend', 'pg_write_all_data', 'pg_write_server_files'
       )
       OR EXISTS (
           SELECT FROM pg_catalog.pg_class AS c
           JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
           WHERE c.relowner = m.oid AND c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'
       ))
ORDER BY 1, 2
