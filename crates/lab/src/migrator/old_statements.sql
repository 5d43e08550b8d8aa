-- Calls of statements of this database that name what contract takes away, with their text. PostgreSQL 14 and later with
-- pg_stat_statements; reads its shared memory once, waits for nothing. :pattern is a regular expression of the names.
-- Statements of triggers and functions are left out (toplevel), and so is what only defines something.
SELECT queryid::text || ' ' || userid::text, calls, left(query, 200)
FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND toplevel
  AND query !~* '^\s*(alter|create|drop|comment|grant|revoke|lock|explain)\M'
  AND :pattern
