-- Objects of kinds that have no list of their own, each as one text. One row each: document as JSON.
-- Comments on them are left out. Operators, operator classes, casts to extensions' types and the like are
-- left to a comparison of dumps.
-- PostgreSQL 14 to 18. Cost: about 2 ms. pg_get_ruledef opens the table with ACCESS SHARE.
WITH object(kind, class, oid, name, definition) AS (
    SELECT 'rule', 'pg_rewrite'::regclass, w.oid, format('%s.%s.%s', n.nspname, c.relname, w.rulename),
           pg_get_ruledef(w.oid) || CASE w.ev_enabled WHEN 'O' THEN ''
                                                     ELSE ' enabled=' || w.ev_enabled::text END
      FROM pg_rewrite w
      JOIN pg_class c ON c.oid = w.ev_class
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE w.rulename <> '_RETURN'
       AND n.nspname NOT LIKE 'pg\_%'
       AND n.nspname NOT IN ('information_schema', 'underpin')
    UNION ALL
    SELECT 'statistics', 'pg_statistic_ext'::regclass, s.oid, n.nspname || '.' || s.stxname,
           pg_get_statisticsobjdef(s.oid) || CASE WHEN s.stxstattarget >= 0
                                                  THEN ' target=' || s.stxstattarget ELSE '' END
      FROM pg_statistic_ext s
      JOIN pg_namespace n ON n.oid = s.stxnamespace
     WHERE n.nspname NOT LIKE 'pg\_%'
       AND n.nspname NOT IN ('information_schema', 'underpin')
    UNION ALL
    SELECT 'event trigger', 'pg_event_trigger'::regclass, e.oid, e.evtname::text,
           concat_ws(' ', 'ON', e.evtevent, 'WHEN TAG IN ' || e.evttags::text, 'EXECUTE',
                     e.evtfoid::regprocedure, 'enabled=' || e.evtenabled::text,
                     'owner', pg_get_userbyid(e.evtowner))
      FROM pg_event_trigger e
    UNION ALL
    SELECT 'publication', 'pg_publication'::regclass, p.oid, p.pubname::text,
           concat_ws(' ', 'owner', pg_get_userbyid(p.pubowner),
                     CASE WHEN p.puballtables THEN 'all tables' END,
                     CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
                     CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END,
                     CASE WHEN p.pubviaroot THEN 'via root' END,
                     (SELECT string_agg(t.schemaname || '.' || t.tablename, ', '
                                        ORDER BY t.schemaname, t.tablename)
                        FROM pg_publication_tables t
                       WHERE t.pubname = p.pubname))
      FROM pg_publication p
    UNION ALL
    SELECT 'collation', 'pg_collation'::regclass, l.oid, n.nspname || '.' || l.collname,
           concat_ws(' ', 'provider', l.collprovider,
                     'deterministic', l.collisdeterministic,
                     'locale', coalesce(to_jsonb(l) ->> 'colllocale', to_jsonb(l) ->> 'colliculocale',
                                        l.collcollate))
      FROM pg_collation l
      JOIN pg_namespace n ON n.oid = l.collnamespace
     WHERE n.nspname NOT LIKE 'pg\_%'
       AND n.nspname NOT IN ('information_schema', 'underpin')
    UNION ALL
    SELECT 'text search configuration', 'pg_ts_config'::regclass, t.oid, n.nspname || '.' || t.cfgname,
           concat_ws(' ', 'parser', r.prsname,
                     (SELECT string_agg(m.maptokentype || ' ' || m.mapdict::regdictionary, ', '
                                        ORDER BY m.maptokentype, m.mapseqno)
                        FROM pg_ts_config_map m
                       WHERE m.mapcfg = t.oid))
      FROM pg_ts_config t
      JOIN pg_ts_parser r ON r.oid = t.cfgparser
      JOIN pg_namespace n ON n.oid = t.cfgnamespace
     WHERE n.nspname NOT LIKE 'pg\_%'
       AND n.nspname NOT IN ('information_schema', 'underpin')
    UNION ALL
    SELECT 'text search dictionary', 'pg_ts_dict'::regclass, t.oid, n.nspname || '.' || t.dictname,
           concat_ws(' ', 'template', m.tmplname, t.dictinitoption)
      FROM pg_ts_dict t
      JOIN pg_ts_template m ON m.oid = t.dicttemplate
      JOIN pg_namespace n ON n.oid = t.dictnamespace
     WHERE n.nspname NOT LIKE 'pg\_%'
       AND n.nspname NOT IN ('information_schema', 'underpin')
    UNION ALL
    SELECT 'operator', 'pg_operator'::regclass, o.oid, o.oid::regoperator::text,
           concat_ws(' ', o.oprcode::regprocedure, 'returns', format_type(o.oprresult, NULL),
                     CASE WHEN o.oprcanhash THEN 'hashes' END, CASE WHEN o.oprcanmerge THEN 'merges' END)
      FROM pg_operator o
      JOIN pg_namespace n ON n.oid = o.oprnamespace
     WHERE n.nspname NOT LIKE 'pg\_%'
       AND n.nspname NOT IN ('information_schema', 'underpin')
    UNION ALL
    SELECT 'cast', 'pg_cast'::regclass, t.oid,
           format('%s as %s', format_type(t.castsource, NULL), format_type(t.casttarget, NULL)),
           concat_ws(' ', 'context', t.castcontext, 'method', t.castmethod,
                     nullif(t.castfunc, 0)::regprocedure)
      FROM pg_cast t
      -- User objects have oids from here on (FirstNormalObjectId in the server's access/transam.h).
     WHERE t.oid >= 16384
    UNION ALL
    SELECT 'foreign server', 'pg_foreign_server'::regclass, s.oid, s.srvname::text,
           concat_ws(' ', 'wrapper', w.fdwname, 'type', s.srvtype, 'version', s.srvversion,
                     'owner', pg_get_userbyid(s.srvowner),
                     -- Options may hold secrets: only their hash is kept.
                     'options', md5(s.srvoptions::text))
      FROM pg_foreign_server s
      JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
)
SELECT json_build_object(
           'kind', o.kind,
           'name', o.name,
           'definition', coalesce(o.definition, ''))::text AS document
  FROM object o
 WHERE NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype IN ('e', 'i'))
 ORDER BY o.kind COLLATE "C", o.name COLLATE "C";
