-- What workers and analysts ask, over all shops: the event worker and the analyst have policies of their own.

-- What waits for delivery; transactions/publish_outbox.sql takes it.
-- name: outbox_poll
-- param: batch_size integer = 50
-- role: orders_worker
-- rate: 10/s
-- budget: 20 ms
SELECT o.tenant_id, o.id, o.topic, o.payload, o.attempt_count, o.created_at
FROM outbox_events AS o
WHERE o.published_at IS NULL AND o.available_at <= now()
ORDER BY o.available_at
LIMIT $1;

-- How unequal the shops are: what the decision about nodes rests on.
-- name: tenant_sizes
-- allow: plan-grows because it counts every order of every shop, which an analyst asks a few times a day
-- role: orders_analyst
-- rate: 1/s
-- budget: 3000 ms
SELECT t.slug, o.order_count, o.first_order_at, o.latest_order_at
FROM tenants AS t
JOIN (
    SELECT tenant_id, count(*) AS order_count, min(created_at) AS first_order_at, max(created_at) AS latest_order_at
    FROM orders GROUP BY tenant_id
) AS o ON o.tenant_id = t.id
ORDER BY o.order_count DESC, t.slug;

-- name: turnover_by_currency
-- allow: plan-grows because it sums a month over all shops, which an analyst asks a few times a day
-- param: first_day date = '2026-05-01'
-- param: day_after date = '2026-06-01'
-- role: orders_analyst
-- rate: 1/s
-- budget: 3000 ms
SELECT o.currency, count(DISTINCT o.tenant_id) AS tenant_count, count(*) AS order_count, sum(o.total_minor) AS amount_minor
FROM orders AS o
WHERE o.status <> 'cancelled' AND o.created_at >= ($1::date::timestamp AT TIME ZONE 'UTC') AND o.created_at < ($2::date::timestamp AT TIME ZONE 'UTC')
GROUP BY o.currency
ORDER BY o.currency;

-- The analyst's and not the shop's: ->> is not leakproof, so under the policy of a tenant it would not reach the index.
-- name: orders_of_campaign
-- allow: plan-grows because all orders of a campaign are sorted before the newest fifty are kept, and campaigns end
-- param: tenant_id bigint = coalesce((SELECT t.id FROM tenants AS t WHERE t.id = 1001), 1)
-- param: campaign text = 'spring'
-- role: orders_analyst
-- tenant: required
-- rate: 5/s
-- budget: 50 ms, no-seq-scan(orders)
SELECT o.id, o.created_at, o.total_minor, o.currency
FROM orders AS o
WHERE o.tenant_id = $1 AND o.metadata ? 'campaign' AND o.metadata ->> 'campaign' = $2
ORDER BY o.id DESC
LIMIT 50;
