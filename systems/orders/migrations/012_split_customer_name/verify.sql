-- Every customer is split, and the parts read back as the whole.
SELECT c.tenant_id, c.id, c.full_name, c.given_name, c.family_name
FROM customers AS c
WHERE c.given_name IS NULL OR c.full_name <> concat_ws(' ', c.given_name, c.family_name);
