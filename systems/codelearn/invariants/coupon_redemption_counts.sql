-- name: coupon_redemption_counts
-- recount: coupons.redemption_count
-- The uses of a coupon equal the purchases that name it.
SELECT k.id, k.redemption_count, r.uses
FROM coupons AS k
LEFT JOIN (
    SELECT p.coupon_id, count(*) AS uses FROM purchases AS p WHERE p.coupon_id IS NOT NULL GROUP BY p.coupon_id
) AS r ON r.coupon_id = k.id
WHERE k.redemption_count IS DISTINCT FROM coalesce(r.uses, 0);
