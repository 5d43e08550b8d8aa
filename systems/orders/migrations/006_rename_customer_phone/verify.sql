-- Both names say the same in every row.
SELECT c.tenant_id, c.id, c.phone, c.phone_number
FROM customers AS c
WHERE c.phone_number IS DISTINCT FROM c.phone;
