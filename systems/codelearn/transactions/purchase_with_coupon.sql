-- name: purchase_with_coupon
-- role: webapp
-- param: user_id bigint = (SELECT coalesce((SELECT s.user_id FROM students AS s JOIN users AS u ON u.id = s.user_id WHERE u.deleted_at IS NULL AND NOT EXISTS (SELECT FROM enrollments AS e WHERE e.user_id = s.user_id) ORDER BY random() LIMIT 1), (SELECT s.user_id FROM students AS s ORDER BY random() LIMIT 1)))
-- param: course_id bigint = (SELECT p.id FROM published_courses AS p WHERE p.price > 0 AND (p.seats_left IS NULL OR p.seats_left > 0) ORDER BY random() LIMIT 1)
-- param: coupon_code text = (SELECT k.code::text FROM coupons AS k WHERE k.course_id IS NULL AND k.currency IS NULL AND k.deleted_at IS NULL AND (k.valid_until IS NULL OR k.valid_until > now()) AND (k.max_redemptions IS NULL OR k.redemption_count < k.max_redemptions) ORDER BY random() LIMIT 1)
-- param: payment_reference text = 'pay_' || gen_random_uuid()
--
-- A student pays for a course, with a coupon. Books what the provider has authorised; when this transaction ends
-- without a purchase (seat gone, coupon used up, paid already), the application voids the authorisation.
-- Locks: course, coupon, enrollment, then the summary of the student (by the triggers).
BEGIN;

WITH course AS (
    SELECT c.id, c.title, c.price, c.currency
    FROM courses AS c
    WHERE c.id = :course_id AND c.status = 'published' AND c.deleted_at IS NULL AND c.price > 0
    FOR NO KEY UPDATE
)
SELECT count(*) AS is_for_sale, coalesce(max(course.price), 0) AS price, coalesce(max(course.currency), 'USD') AS currency,
    coalesce(max(course.title), '-') AS title
FROM course \gset

-- The last use of a coupon goes to one of two: the second one waits here and then no longer finds it.
WITH coupon AS (
    SELECT k.id, k.percent_off, k.amount_off, k.max_per_user
    FROM coupons AS k
    WHERE k.code = :coupon_code::citext AND k.deleted_at IS NULL
        AND k.valid_from <= now() AND (k.valid_until IS NULL OR k.valid_until > now())
        AND (k.course_id IS NULL OR k.course_id = :course_id)
        AND (k.currency IS NULL OR k.currency = :currency)
        AND (k.max_redemptions IS NULL OR k.redemption_count < k.max_redemptions)
    FOR NO KEY UPDATE
)
SELECT count(*) AS has_coupon, coalesce(max(coupon.id), 0) AS coupon_id, coalesce(max(coupon.max_per_user), 0) AS max_per_user,
    least(:price::numeric, coalesce(max(coupon.amount_off), round(:price::numeric * max(coupon.percent_off) / 100, 2), 0)) AS discount
FROM coupon \gset

-- An enrollment that exists is locked before its purchases are looked at.
WITH enrollment AS (
    SELECT e.status FROM enrollments AS e WHERE e.user_id = :user_id AND e.course_id = :course_id FOR NO KEY UPDATE
)
SELECT coalesce(max(enrollment.status), 'none') AS status FROM enrollment \gset

-- A new statement sees what was committed while we waited.
SELECT (
        :is_for_sale::integer = 1 AND :has_coupon::integer = 1 AND :status NOT IN ('active', 'completed')
        AND EXISTS (
            SELECT FROM students AS s JOIN users AS u ON u.id = s.user_id WHERE s.user_id = :user_id AND u.deleted_at IS NULL
        )
        -- A held seat is ours; anybody else needs a free one.
        AND (:status = 'pending' OR EXISTS (
            SELECT FROM courses AS c WHERE c.id = :course_id AND (c.seat_limit IS NULL OR c.seats_taken < c.seat_limit)
        ))
        AND NOT EXISTS (SELECT FROM purchases AS p WHERE p.payment_reference = :payment_reference)
        AND (SELECT count(*) FROM purchases AS p WHERE p.coupon_id = :coupon_id AND p.user_id = :user_id) < :max_per_user::integer
    )::integer AS may_buy \gset

\if :may_buy
INSERT INTO enrollments AS e (user_id, course_id, status)
VALUES (:user_id, :course_id, 'active')
ON CONFLICT (user_id, course_id) DO UPDATE SET status = 'active', cancelled_at = NULL;

INSERT INTO purchases (user_id, course_id, coupon_id, list_price, discount, amount, currency, payment_reference)
VALUES (:user_id, :course_id, :coupon_id, :price, :discount, :price::numeric - :discount::numeric, :currency, :payment_reference);

INSERT INTO notifications (user_id, course_id, kind, message)
VALUES (:user_id, :course_id, 'purchased', 'Thank you for buying ' || :title);

INSERT INTO outbox_events (topic, payload)
VALUES ('purchase.created', jsonb_build_object('user_id', :user_id::bigint, 'course_id', :course_id::bigint, 'payment_reference', :payment_reference::text));
\endif

COMMIT;
