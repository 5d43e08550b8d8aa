-- Redeems the coupon for user 2; marks the coupon where its redemptions, counted in the same statement, leave room.
BEGIN;
WITH taken AS (
    UPDATE coupons SET last_user_id = 2
    WHERE id = 1 AND (SELECT count(*) FROM redemptions WHERE coupon_id = 1) < max_redemptions
    RETURNING id
)
SELECT count(*) AS is_taken FROM taken
\gset
\if :is_taken
INSERT INTO redemptions (coupon_id, user_id) VALUES (1, 2);
\endif
COMMIT;
