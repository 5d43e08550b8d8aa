-- Who holds the runner's advisory lock. PostgreSQL 14 and later; reads pg_locks once, waits for nothing.
-- A 64-bit key is split over classid (high half) and objid (low half); objsubid is 1.
SELECT format('process %s of user %s (%s), since %s', a.pid, a.usename, a.application_name, a.backend_start)
FROM pg_locks AS l
JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'advisory'
  AND l.granted
  AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND ((l.classid::bigint << 32) | l.objid::bigint) = 33053949752930409
LIMIT 1
