-- batch: customers by (tenant_id, id), 5000
UPDATE customers AS c
SET phone_number = c.phone
WHERE (c.tenant_id, c.id) > (:low) AND (c.tenant_id, c.id) <= (:high)
    AND c.phone_number IS DISTINCT FROM c.phone;
