-- name: publish_outbox
-- role: orders_worker
-- param: batch_size integer = 20
--
-- The outbox worker: takes a batch that no other worker holds, of all tenants, delivers it, marks it. The delivery happens
-- where the comment says so; if it fails or the worker dies, the transaction rolls back and the batch is free again, so
-- every event is delivered at least once. It sets no tenant: the role sees all events, and nothing but events.
-- Locks: the events of the batch; locked ones are passed over, so workers never wait for each other.
BEGIN;

WITH batch AS (
    SELECT o.tenant_id, o.created_at, o.id FROM outbox_events AS o
    WHERE o.published_at IS NULL AND o.available_at <= now()
    ORDER BY o.available_at
    LIMIT :batch_size::integer
    FOR UPDATE SKIP LOCKED
)
-- The application reads RETURNING and hands each event to the broker before it commits.
UPDATE outbox_events AS o
SET published_at = now(), attempt_count = o.attempt_count + 1
FROM batch
WHERE o.tenant_id = batch.tenant_id AND o.created_at = batch.created_at AND o.id = batch.id
RETURNING o.tenant_id, o.id, o.topic, o.payload;

COMMIT;
