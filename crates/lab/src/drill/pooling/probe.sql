-- What the present server session holds beyond a transaction: settings, prepared statements, advisory locks, channels,
-- temporary tables, cursors and the role. PostgreSQL 14 to 18; catalog views of the own session only, well below a
-- millisecond. {names} is replaced by settings of the project's own, which pg_settings does not show.
SELECT 'setting' AS kind, name, setting AS value FROM pg_settings WHERE source = 'session' AND setting <> reset_val
UNION ALL
SELECT 'setting', name, current_setting(name, true) FROM (VALUES {names}) AS own (name)
WHERE coalesce(current_setting(name, true), '') <> ''
UNION ALL
SELECT 'setting', 'role', current_user::text WHERE current_user <> session_user
UNION ALL
SELECT 'prepared', name, left(statement, 80) FROM pg_prepared_statements
UNION ALL
SELECT 'lock', classid || ':' || objid, mode FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
UNION ALL
SELECT 'listen', channel, '' FROM pg_listening_channels() AS heard (channel)
UNION ALL
SELECT 'temporary', relname::text, '' FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind IN ('r', 'p', 'v', 'S')
UNION ALL
SELECT 'temporary', name, '' FROM pg_cursors WHERE is_holdable
UNION ALL
SELECT 'pid', 'pid', pg_backend_pid()::text
