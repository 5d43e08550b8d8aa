-- No coupon is redeemed more often than it may be.
SELECT c.id, c.max_redemptions, count(*) AS redemptions
FROM coupons AS c
JOIN redemptions AS r ON r.coupon_id = c.id
GROUP BY c.id
HAVING count(*) > c.max_redemptions;
