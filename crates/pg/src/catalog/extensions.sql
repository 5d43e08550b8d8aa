-- Installed extensions, plpgsql included. One row each: document as JSON.
-- PostgreSQL 14 to 18. Cost: below 1 ms; reads pg_extension.
SELECT json_build_object(
           'name', e.extname,
           'version', e.extversion,
           'schema', n.nspname)::text AS document
  FROM pg_extension e
  JOIN pg_namespace n ON n.oid = e.extnamespace
 ORDER BY e.extname;
