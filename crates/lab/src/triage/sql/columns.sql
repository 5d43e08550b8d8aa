-- PostgreSQL 14 to 18. What ANALYZE knows of columns that are named like keys or tenants; no row of a table is read.
-- The view shows only columns that the user may read.
SELECT s.schemaname || '.' || s.tablename AS "table",
       quote_ident(s.schemaname) || '.' || quote_ident(s.tablename) AS quoted_table,
       s.attname AS "column",
       quote_ident(s.attname) AS quoted_column,
       s.n_distinct AS distinct_values,
       s.most_common_freqs[1] AS top_share,
       s.most_common_freqs[2] AS second_share,
       (s.most_common_vals::text::text[])[1] AS top_value,
       greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid)) AS rows,
       s.attname ~* '^(tenant|tenant_id|org_id|organi[sz]ation_id|account_id|workspace_id|company_id|shop_id|customer_id|school_id|site_id)$'
           AS is_tenant,
       s.attname ~* '^(e?mail|email_address|username|user_name|login|slug|sku|isbn|iban|external_id|idempotency_key|api_key|token|.*_(slug|sku|token|key|number|code|uuid))$'
           AS is_natural_key,
       EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indisunique
               AND (a.attnum = ANY (x.indkey::int2[]) OR x.indexprs IS NOT NULL)) AS is_unique,
       EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f' AND a.attnum = ANY (k.conkey)) AS is_reference,
       (SELECT p.attname FROM pg_index x JOIN pg_attribute p ON p.attrelid = c.oid AND p.attnum = x.indkey[0]
        WHERE x.indrelid = c.oid AND x.indisprimary AND x.indnatts = 1
          AND p.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)) AS number_key
FROM pg_stats s
JOIN pg_namespace n ON n.nspname = s.schemaname
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attname
WHERE s.schemaname NOT IN ('pg_catalog', 'information_schema')
  AND NOT s.inherited
  AND s.most_common_freqs IS NOT NULL
  AND s.attname ~* '(mail|user_?name|login|slug|sku|isbn|iban|_id$|token|key|number|code|uuid|tenant)'
