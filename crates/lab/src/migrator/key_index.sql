-- Whether an index of the table begins with the key's columns, in any order of direction. PostgreSQL 14 and later;
-- catalog lookups only. :table is the table and :key its key's columns as an array of names as written.
SELECT count(*)
FROM pg_index AS i
WHERE i.indrelid = to_regclass(:table)
  AND i.indisvalid
  AND i.indpred IS NULL
  AND (i.indkey::int2[])[0:cardinality(:key::text[]) - 1] = ARRAY(
      SELECT a.attnum
      FROM unnest(:key::text[]) WITH ORDINALITY AS k (name, nth)
      JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attname = (parse_ident(k.name))[1]
      ORDER BY k.nth
  )
