-- Functions, procedures, aggregates and window functions. One row each: document as JSON.
-- Left out: what a range type brings as its constructors ('i').
-- PostgreSQL 14 to 18. Cost: about 2 ms for 40 functions; reads pg_proc and takes no lock.
SELECT json_build_object(
           'schema', n.nspname,
           'name', p.proname,
           'arguments', pg_get_function_identity_arguments(p.oid),
           'owner', pg_get_userbyid(p.proowner),
           'language', l.lanname,
           'kind', CASE p.prokind WHEN 'p' THEN 'procedure'
                                  WHEN 'a' THEN 'aggregate'
                                  WHEN 'w' THEN 'window'
                                  ELSE 'function' END,
           'security_definer', p.prosecdef,
           'volatility', CASE p.provolatile WHEN 'i' THEN 'immutable'
                                            WHEN 's' THEN 'stable'
                                            ELSE 'volatile' END,
           'settings', ARRAY(SELECT s.setting
                               FROM unnest(p.proconfig) AS s(setting)
                              ORDER BY s.setting COLLATE "C"),
           -- pg_get_functiondef refuses aggregates.
           'definition', CASE WHEN p.prokind <> 'a' THEN coalesce(pg_get_functiondef(p.oid), '') ELSE
               (SELECT concat_ws(', ',
                           'kind ' || g.aggkind::text,
                           'returns ' || format_type(p.prorettype, NULL),
                           'sfunc ' || g.aggtransfn::regprocedure,
                           'stype ' || format_type(g.aggtranstype, NULL),
                           'sspace ' || nullif(g.aggtransspace, 0),
                           'finalfunc ' || nullif(g.aggfinalfn, 0)::regprocedure,
                           'finalfunc_modify ' || g.aggfinalmodify::text,
                           'combinefunc ' || nullif(g.aggcombinefn, 0)::regprocedure,
                           'serialfunc ' || nullif(g.aggserialfn, 0)::regprocedure,
                           'deserialfunc ' || nullif(g.aggdeserialfn, 0)::regprocedure,
                           'msfunc ' || nullif(g.aggmtransfn, 0)::regprocedure,
                           'minvfunc ' || nullif(g.aggminvtransfn, 0)::regprocedure,
                           'mfinalfunc ' || nullif(g.aggmfinalfn, 0)::regprocedure,
                           'initcond ' || quote_literal(g.agginitval),
                           'minitcond ' || quote_literal(g.aggminitval),
                           'sortop ' || nullif(g.aggsortop, 0)::regoperator,
                           'parallel ' || p.proparallel::text)
                  FROM pg_aggregate g
                 WHERE g.aggfnoid = p.oid) END,
           'comment', obj_description(p.oid, 'pg_proc'))::text AS document
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_language l ON l.oid = p.prolang
 WHERE n.nspname NOT LIKE 'pg\_%'
   AND n.nspname NOT IN ('information_schema', 'underpin')
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
 ORDER BY n.nspname, p.proname, pg_get_function_identity_arguments(p.oid) COLLATE "C";
