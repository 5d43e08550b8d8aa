-- Roles of the cluster but for PostgreSQL's own. One row each: document as JSON.
-- PostgreSQL 14 to 18. Cost: below 1 ms; reads pg_roles, which needs no rights (pg_authid would).
SELECT json_build_object(
           'name', r.rolname,
           'superuser', r.rolsuper,
           'login', r.rolcanlogin,
           'create_role', r.rolcreaterole,
           'create_db', r.rolcreatedb,
           'bypass_rls', r.rolbypassrls,
           -- 16 and later can hold one membership several times, by different grantors.
           'member_of', ARRAY(SELECT DISTINCT g.rolname
                                FROM pg_auth_members m
                                JOIN pg_roles g ON g.oid = m.roleid
                               WHERE m.member = r.oid
                               ORDER BY g.rolname),
           'settings', ARRAY(SELECT s.setting
                               FROM pg_db_role_setting o
                               JOIN pg_database b ON b.datname = current_database()
                              CROSS JOIN unnest(o.setconfig) AS s(setting)
                              WHERE o.setrole = r.oid AND o.setdatabase IN (0, b.oid)
                              ORDER BY s.setting COLLATE "C"))::text AS document
  FROM pg_roles r
 WHERE r.rolname NOT LIKE 'pg\_%'
 ORDER BY r.rolname;
