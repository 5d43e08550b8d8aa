-- name: prices_never_overlap
-- At no instant a product has two prices in one currency.
SELECT r.tenant_id, r.product_id, r.currency, r.valid_during, r.next_from
FROM (
    SELECT p.tenant_id, p.product_id, p.currency, p.valid_during,
        lead(lower(p.valid_during)) OVER (PARTITION BY p.tenant_id, p.product_id, p.currency ORDER BY lower(p.valid_during)) AS next_from
    FROM product_prices AS p
) AS r
WHERE r.next_from < coalesce(upper(r.valid_during), 'infinity');
