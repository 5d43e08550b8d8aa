-- batch: customers by (tenant_id, id), 5000
UPDATE customers AS c
SET given_name = split_part(s.words, ' ', 1),
    family_name = NULLIF(substr(s.words, length(split_part(s.words, ' ', 1)) + 2), '')
FROM (
    SELECT k.tenant_id, k.id, btrim(regexp_replace(k.full_name, '\s+', ' ', 'g')) AS words
    FROM customers AS k
    WHERE (k.tenant_id, k.id) > (:low) AND (k.tenant_id, k.id) <= (:high) AND k.given_name IS NULL
) AS s
-- Asked again of the row itself: a name that somebody wrote since the reading was split by the trigger already.
WHERE c.tenant_id = s.tenant_id AND c.id = s.id AND c.given_name IS NULL;
