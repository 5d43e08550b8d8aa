-- Limits the next lock wait, so that a session that already waits for us does not meet its deadlock detector first.
-- PostgreSQL 14 and later (pg_locks.waitstart); asks pg_blocking_pids for waiting sessions only, waits for nothing.
-- The detector looks once, deadlock_timeout after a wait began: whoever has waited longer will not be cancelled any more.
-- :cap is the longest wait and :detector the deadlock_timeout, both in milliseconds.
SELECT set_config('lock_timeout', greatest(1, least(:cap, :detector * 0.9 - coalesce(max(waited), 0)))::int::text, true)
FROM (
    SELECT coalesce(extract(epoch FROM clock_timestamp() - l.waitstart) * 1000, 0)
    FROM pg_locks AS l
    WHERE NOT l.granted
      AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid))
) AS waiter (waited)
WHERE waited < :detector
