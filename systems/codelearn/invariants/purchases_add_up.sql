-- name: purchases_add_up
-- What was charged is the price less the discount, and a discount has a coupon.
SELECT p.id, p.list_price, p.discount, p.amount
FROM purchases AS p
WHERE p.amount <> p.list_price - p.discount OR p.amount < 0 OR (p.discount > 0 AND p.coupon_id IS NULL);
