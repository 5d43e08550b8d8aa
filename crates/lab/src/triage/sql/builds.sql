-- PostgreSQL 14 to 18. Concurrent index builds under way, and the session that each waits for.
SELECT p.pid::text AS pid, p.command AS command, p.phase AS phase, nullif(p.current_locker_pid, 0)::text AS locker,
       n.nspname || '.' || c.relname AS "table",
       (SELECT ni.nspname || '.' || i.relname FROM pg_class i JOIN pg_namespace ni ON ni.oid = i.relnamespace
        WHERE i.oid = p.index_relid) AS index,
       p.blocks_done + p.tuples_done + p.lockers_done AS done
FROM pg_stat_progress_create_index p
LEFT JOIN pg_class c ON c.oid = p.relid
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE p.datname = current_database()
