-- name: authorise_payment
-- role: orders_app
-- param: tenant_id bigint = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM orders AS o WHERE o.tenant_id = t.id AND o.status = 'placed' AND o.captured_minor < o.total_minor) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1)
-- param: order_id bigint = (SELECT x.id FROM orders AS x WHERE x.tenant_id = (SELECT t.id FROM tenants AS t WHERE EXISTS (SELECT FROM orders AS o WHERE o.tenant_id = t.id AND o.status = 'placed' AND o.captured_minor < o.total_minor) ORDER BY md5(t.id || statement_timestamp()::text) LIMIT 1) AND x.status = 'placed' AND x.captured_minor < x.total_minor ORDER BY random() LIMIT 1)
-- param: method text = 'card'
-- param: provider_reference text = 'auth-' || gen_random_uuid()
--
-- Records that the provider promised the open amount of an order. The provider may tell it twice: the second time changes
-- nothing. Several authorisations may stand side by side; the capture decides.
-- Locks: order.
BEGIN;

SELECT set_config('app.tenant_id', :tenant_id::text, true);

WITH chosen AS (
    SELECT o.total_minor - o.captured_minor AS open_minor FROM orders AS o
    WHERE o.tenant_id = :tenant_id AND o.id = :order_id AND o.status = 'placed' AND o.captured_minor < o.total_minor
    FOR NO KEY UPDATE
)
SELECT count(*) AS is_open, coalesce(max(chosen.open_minor), 0) AS amount_minor FROM chosen \gset

\if :is_open
WITH authorised AS (
    -- The provider keeps one and a half percent, rounded up to the next unit.
    INSERT INTO payments (tenant_id, order_id, method, amount_minor, fee_minor, provider_reference)
    VALUES (:tenant_id, :order_id, :method, :amount_minor, (:amount_minor::bigint * 15 + 999) / 1000, :provider_reference)
    ON CONFLICT (tenant_id, provider_reference) DO NOTHING
    RETURNING id
)
SELECT count(*) AS is_new, coalesce(max(authorised.id), 0) AS payment_id FROM authorised \gset

\if :is_new
INSERT INTO outbox_events (tenant_id, topic, payload)
VALUES (:tenant_id, 'payment.authorised', jsonb_build_object('payment_id', :payment_id::bigint, 'order_id', :order_id::bigint));
\endif
\endif

COMMIT;
