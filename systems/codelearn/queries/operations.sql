-- What workers and analysts ask.

-- What waits for the outbox worker; transactions/publish_outbox.sql takes it.
-- name: outbox_poll
-- param: batch_size integer = 50
-- rate: 10/s
-- budget: 20 ms, no-seq-scan(outbox_events)
SELECT o.id, o.topic, o.payload, o.attempt_count, o.created_at
FROM outbox_events AS o
WHERE o.published_at IS NULL AND o.available_at <= now()
ORDER BY o.available_at, o.id
LIMIT $1;

-- name: sales_of_period
-- allow: plan-grows because a period with more sales has more of them to sum
-- param: first_day date = '2025-03-01'
-- param: day_after date = '2025-04-01'
-- role: analyst
-- rate: 1/s
-- budget: 1000 ms
SELECT (p.purchased_at AT TIME ZONE 'UTC')::date AS sales_date, p.currency, count(*) AS sale_count, sum(p.amount) AS amount, sum(p.discount) AS discount
FROM purchases AS p
WHERE p.purchased_at >= ($1::date::timestamp AT TIME ZONE 'UTC') AND p.purchased_at < ($2::date::timestamp AT TIME ZONE 'UTC')
GROUP BY 1, 2
ORDER BY 1, 2;

-- name: completion_by_category
-- allow: plan-grows because it counts every enrollment, for a report that nobody waits for
-- role: analyst
-- rate: 1/s
-- budget: 5000 ms
SELECT g.title, count(*) AS enrollment_count, count(*) FILTER (WHERE e.status = 'completed') AS completed_count,
    round(100.0 * count(*) FILTER (WHERE e.status = 'completed') / count(*), 1) AS completed_percent
FROM enrollments AS e
JOIN courses AS c ON c.id = e.course_id
JOIN categories AS g ON g.id = c.category_id
WHERE c.deleted_at IS NULL AND e.status <> 'pending'
GROUP BY g.id, g.title
ORDER BY completed_percent DESC, g.title;
