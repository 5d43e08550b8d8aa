-- Every invoice has the old price or the new one.
SELECT id, total FROM invoices WHERE total NOT IN (30, 36);
