-- No two invoices have the same number.
SELECT number, count(*) AS invoices FROM invoices GROUP BY number HAVING count(*) > 1;
