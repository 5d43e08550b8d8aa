-- name: coupons_within_limits
-- No coupon is used more often than it may be, in all or by one person.
SELECT k.id, NULL AS user_id, count(*) AS uses
FROM coupons AS k
JOIN purchases AS p ON p.coupon_id = k.id
GROUP BY k.id, k.max_redemptions
HAVING count(*) > k.max_redemptions
UNION ALL
SELECT k.id, p.user_id, count(*)
FROM coupons AS k
JOIN purchases AS p ON p.coupon_id = k.id
GROUP BY k.id, p.user_id, k.max_per_user
HAVING count(*) > k.max_per_user;
