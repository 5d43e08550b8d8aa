-- Settings that were set away from their defaults and change what an experiment measures.
-- PostgreSQL 14 and later; cost: one read of pg_settings.
SELECT name, current_setting(name)
FROM pg_settings
WHERE source IN ('command line', 'configuration file')
  AND name IN (
      'autovacuum', 'default_statistics_target', 'effective_cache_size', 'fsync', 'full_page_writes', 'jit',
      'maintenance_work_mem', 'max_connections', 'max_wal_size', 'random_page_cost', 'shared_buffers',
      'synchronous_commit', 'wal_level', 'work_mem'
  )
ORDER BY name
