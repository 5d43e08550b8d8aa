-- Locks on tables, sequences and advisory keys that some backends hold or wait for.
-- PostgreSQL 14 and later; cost: pg_locks is put together in memory.
SELECT pid, locktype, coalesce(relation, 0) AS relation, mode
FROM pg_locks
WHERE locktype IN ('relation', 'advisory')
  AND mode <> 'SIReadLock'
