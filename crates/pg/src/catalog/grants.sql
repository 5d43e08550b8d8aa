-- Privileges of the database, schemas, tables, columns, sequences, functions and types, and default
-- privileges.
-- One row each: document as JSON.
-- An absent ACL means the built-in default, which for functions, types and the database gives PUBLIC
-- rights, so the default is spelled out. The owner's own rights are left out; only the default privileges
-- keep them, for there "owner only" is a statement: it takes PUBLIC's built-in rights away.
-- PostgreSQL 14 to 18. Cost: about 5 ms for 40 tables; reads the ACL columns of seven catalogs.
WITH acl(kind, object, owner, items) AS (
    SELECT 'database', 'current', d.datdba, coalesce(d.datacl, acldefault('d', d.datdba))
      FROM pg_database d
     WHERE d.datname = current_database()
    UNION ALL
    SELECT 'schema', n.nspname::text, n.nspowner, n.nspacl
      FROM pg_namespace n
     WHERE n.nspname NOT LIKE 'pg\_%'
       AND n.nspname NOT IN ('information_schema', 'underpin')
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
    UNION ALL
    SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, n.nspname || '.' || c.relname,
           c.relowner, c.relacl
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relacl IS NOT NULL
       AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
       AND n.nspname NOT LIKE 'pg\_%'
       AND n.nspname NOT IN ('information_schema', 'underpin')
       AND c.relname NOT IN ('_sqlx_migrations', 'schema_migrations',
                             'refinery_schema_history', 'flyway_schema_history')
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'column', n.nspname || '.' || c.relname || '.' || a.attname, c.relowner, a.attacl
      FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE a.attacl IS NOT NULL
       AND NOT a.attisdropped
       AND n.nspname NOT LIKE 'pg\_%'
       AND n.nspname NOT IN ('information_schema', 'underpin')
       AND c.relname NOT IN ('_sqlx_migrations', 'schema_migrations',
                             'refinery_schema_history', 'flyway_schema_history')
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'function', format('%s.%s(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
           p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
      FROM pg_proc p
      JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname NOT LIKE 'pg\_%'
       AND n.nspname NOT IN ('information_schema', 'underpin')
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
    UNION ALL
    SELECT 'type', n.nspname || '.' || t.typname, t.typowner,
           coalesce(t.typacl, acldefault('T', t.typowner))
      FROM pg_type t
      JOIN pg_namespace n ON n.oid = t.typnamespace
      LEFT JOIN pg_class c ON c.oid = t.typrelid
     WHERE (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND c.relkind = 'c')
       AND n.nspname NOT LIKE 'pg\_%'
       AND n.nspname NOT IN ('information_schema', 'underpin')
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'default ' || CASE d.defaclobjtype WHEN 'r' THEN 'table'
                                              WHEN 'S' THEN 'sequence'
                                              WHEN 'f' THEN 'function'
                                              WHEN 'T' THEN 'type'
                                              WHEN 'n' THEN 'schema'
                                              ELSE 'large object' END,
           pg_get_userbyid(d.defaclrole) || coalesce(' in ' || n.nspname, ''), NULL, d.defaclacl
      FROM pg_default_acl d
      LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
), item AS (
    -- One privilege may be held from several grantors.
    SELECT a.kind, a.object, e.grantee, e.privilege_type, bool_or(e.is_grantable) AS grantable
      FROM acl a
     CROSS JOIN aclexplode(a.items) e
     WHERE a.owner IS DISTINCT FROM e.grantee
     GROUP BY a.kind, a.object, e.grantee, e.privilege_type
)
SELECT json_build_object(
           'on', i.kind,
           'object', i.object,
           'grantee', CASE WHEN i.grantee = 0 THEN 'public' ELSE pg_get_userbyid(i.grantee)::text END,
           'privilege', i.privilege_type,
           'grantable', i.grantable)::text AS document
  FROM item i
 ORDER BY i.kind COLLATE "C", i.object COLLATE "C",
          CASE WHEN i.grantee = 0 THEN 'public' ELSE pg_get_userbyid(i.grantee)::text END COLLATE "C",
          i.privilege_type COLLATE "C";
