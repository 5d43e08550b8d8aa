-- name: payment_refunds
-- recount: payments.refunded_minor
-- What was given back of a payment equals its refunds.
SELECT p.tenant_id, p.id, p.refunded_minor, r.amount
FROM payments AS p
LEFT JOIN (
    SELECT r.tenant_id, r.payment_id, sum(r.amount_minor) AS amount FROM refunds AS r GROUP BY r.tenant_id, r.payment_id
) AS r ON r.tenant_id = p.tenant_id AND r.payment_id = p.id
WHERE p.refunded_minor IS DISTINCT FROM coalesce(r.amount, 0);
