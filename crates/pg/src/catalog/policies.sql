-- Row-level security policies. One row each: table's schema, table's name, document as JSON.
-- PostgreSQL 14 to 18. Cost: about 1 ms for 40 policies; reads pg_policy.
SELECT n.nspname::text AS schema,
       c.relname::text AS name,
       json_build_object(
           'name', p.polname,
           'command', CASE p.polcmd WHEN 'r' THEN 'SELECT'
                                    WHEN 'a' THEN 'INSERT'
                                    WHEN 'w' THEN 'UPDATE'
                                    WHEN 'd' THEN 'DELETE'
                                    ELSE 'ALL' END,
           'permissive', p.polpermissive,
           -- Role 0 stands for everybody.
           'roles', ARRAY(SELECT CASE WHEN r.oid = 0 THEN 'public' ELSE pg_get_userbyid(r.oid)::text END
                                     COLLATE "C" AS role
                            FROM unnest(p.polroles) AS r(oid)
                           ORDER BY role),
           'using', pg_get_expr(p.polqual, p.polrelid),
           'with_check', pg_get_expr(p.polwithcheck, p.polrelid),
           'comment', obj_description(p.oid, 'pg_policy'))::text AS document
  FROM pg_policy p
  JOIN pg_class c ON c.oid = p.polrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname NOT LIKE 'pg\_%'
   AND n.nspname NOT IN ('information_schema', 'underpin')
 ORDER BY n.nspname, c.relname, p.polname;
