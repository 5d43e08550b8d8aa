-- name: coupons_fit_purchases
-- A coupon was used for its own course, in its time and in its currency.
SELECT p.id, k.id AS coupon_id
FROM purchases AS p
JOIN coupons AS k ON k.id = p.coupon_id
WHERE (k.course_id IS NOT NULL AND k.course_id <> p.course_id)
    OR (k.currency IS NOT NULL AND k.currency <> p.currency)
    OR p.purchased_at < k.valid_from
    OR p.purchased_at >= k.valid_until;
