-- Columns of tables, in order of position. One row each: table's schema, table's name, document as JSON.
-- Rows of tables that the list of tables leaves out are dropped by the reader.
-- PostgreSQL 14 to 18. Cost: about 5 ms for 400 columns; reads pg_attribute and pg_attrdef.
WITH RECURSIVE domain_below(domain, base, not_null) AS (
    SELECT t.oid, t.typbasetype, t.typnotnull
      FROM pg_type t
     WHERE t.typtype = 'd'
    UNION ALL
    -- A domain may stand on a domain.
    SELECT d.domain, t.typbasetype, d.not_null OR t.typnotnull
      FROM domain_below d
      JOIN pg_type t ON t.oid = d.base
     WHERE t.typtype = 'd'
), domain AS (
    SELECT d.domain, d.base, d.not_null
      FROM domain_below d
      JOIN pg_type t ON t.oid = d.base
     WHERE t.typtype <> 'd'
)
SELECT n.nspname::text AS schema,
       c.relname::text AS name,
       json_build_object(
           'name', a.attname,
           'type_name', format_type(a.atttypid, a.atttypmod),
           'base_type', b.typname,
           'type_category', b.typcategory,
           'domain', CASE WHEN t.typtype = 'd' THEN t.typname END,
           'not_null', a.attnotnull OR coalesce(dom.not_null, false),
           'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(e.adbin, e.adrelid) END,
           'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
           'generated', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(e.adbin, e.adrelid) END,
           'collation', CASE WHEN a.attcollation <> t.typcollation
                             THEN (SELECT CASE WHEN ln.nspname = 'pg_catalog' THEN l.collname::text
                                               ELSE ln.nspname || '.' || l.collname END
                                     FROM pg_collation l
                                     JOIN pg_namespace ln ON ln.oid = l.collnamespace
                                    WHERE l.oid = a.attcollation) END,
           'options', ARRAY(SELECT o.setting
                              FROM (SELECT unnest(a.attoptions)
                                    UNION ALL
                                    SELECT unnest(a.attfdwoptions)
                                    UNION ALL
                                    SELECT 'storage=' || CASE a.attstorage WHEN 'p' THEN 'plain'
                                                                           WHEN 'e' THEN 'external'
                                                                           WHEN 'm' THEN 'main'
                                                                           ELSE 'extended' END
                                     WHERE a.attstorage <> t.typstorage
                                    UNION ALL
                                    SELECT 'compression=' || CASE a.attcompression WHEN 'p' THEN 'pglz'
                                                                                   ELSE 'lz4' END
                                     WHERE a.attcompression <> ''
                                    UNION ALL
                                    -- The default is -1 up to 16 and null from 17 on.
                                    SELECT 'statistics=' || a.attstattarget
                                     WHERE a.attstattarget >= 0
                                    UNION ALL
                                    SELECT 'generated=virtual'
                                     WHERE a.attgenerated = 'v') AS o(setting)
                             ORDER BY o.setting COLLATE "C"),
           'comment', col_description(c.oid, a.attnum))::text AS document
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN domain dom ON dom.domain = t.oid
  JOIN pg_type b ON b.oid = coalesce(dom.base, t.oid)
  LEFT JOIN pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
 WHERE a.attnum > 0
   AND NOT a.attisdropped
   AND c.relkind IN ('r', 'p', 'f')
   AND n.nspname NOT LIKE 'pg\_%'
   AND n.nspname NOT IN ('information_schema', 'underpin')
 ORDER BY n.nspname, c.relname, a.attnum;
