-- Events for the world outside, written in the transaction that they tell about and delivered by a worker afterwards.
--
-- Partitioned by month, because the end of an event is known: some weeks after delivery nobody needs it. A month goes by
-- DROP TABLE, in an instant; deleting it row by row would leave as much dead space as it frees, and vacuum would read
-- the table forever. created_at is in the primary key for that (a key of a partitioned table holds the partition key), and
-- never changes, so no event moves from one partition to another.

CREATE TABLE outbox_events (
    tenant_id     bigint      NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    id            uuid        NOT NULL DEFAULT gen_random_uuid(),
    topic         text        NOT NULL,
    payload       jsonb       NOT NULL,
    attempt_count integer     NOT NULL DEFAULT 0,
    last_error    text,
    available_at  timestamptz NOT NULL DEFAULT now(),
    published_at  timestamptz,
    CONSTRAINT pk_outbox_events PRIMARY KEY (tenant_id, created_at, id),
    CONSTRAINT ck_outbox_events_topic CHECK (topic ~ '^[a-z_]+\.[a-z_]+$'),
    CONSTRAINT ck_outbox_events_payload CHECK (jsonb_typeof(payload) = 'object'),
    CONSTRAINT ck_outbox_events_attempt_count CHECK (attempt_count >= 0),
    CONSTRAINT ck_outbox_events_last_error CHECK (char_length(last_error) BETWEEN 1 AND 1000)
) PARTITION BY RANGE (created_at);
COMMENT ON TABLE outbox_events IS 'Transactional outbox: an event exists exactly if what it tells about was committed.';
COMMENT ON COLUMN outbox_events.tenant_id IS 'No foreign key: an event is a message about something and may outlive it.';
COMMENT ON COLUMN outbox_events.id IS 'Random, because it leaves the database: consumers know an event by it, also after a tenant has moved to another server.';
COMMENT ON COLUMN outbox_events.payload IS 'The shape belongs to the topic; a message is read as a whole and never searched.';
COMMENT ON COLUMN outbox_events.last_error IS 'Of the latest failed delivery; NULL when none failed.';
COMMENT ON COLUMN outbox_events.available_at IS 'Not delivered before; a failure moves it into the future.';
COMMENT ON COLUMN outbox_events.published_at IS 'When it was delivered; NULL while it waits.';
-- What waits, in the order of delivery. The only index of the table that does not start with the tenant: one worker
-- delivers for all.
CREATE INDEX ix_outbox_events_available_at ON outbox_events (available_at) WHERE published_at IS NULL;

CREATE FUNCTION create_outbox_month(p_month date) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    first_day date := date_trunc('month', p_month)::date;
BEGIN
    -- Bounds in UTC, whatever the time zone of the session.
    EXECUTE format('CREATE TABLE IF NOT EXISTS public.%I PARTITION OF public.outbox_events FOR VALUES FROM (%L) TO (%L)',
        'outbox_events_' || to_char(first_day, 'YYYY_MM'),
        first_day::text || ' 00:00:00+00', (first_day + interval '1 month')::date::text || ' 00:00:00+00');
END
$$;
COMMENT ON FUNCTION create_outbox_month(date) IS 'Makes room for a month, ahead of time. For the owner, from a calendar job.';

CREATE FUNCTION drop_outbox_month(p_month date) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    first_day timestamptz := date_trunc('month', p_month)::date::timestamp AT TIME ZONE 'UTC';
BEGIN
    IF EXISTS (
        SELECT FROM public.outbox_events AS o
        WHERE o.created_at >= first_day AND o.created_at < first_day + interval '1 month' AND o.published_at IS NULL
    ) THEN
        RAISE EXCEPTION 'events of % are not delivered yet', to_char(p_month, 'YYYY-MM')
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    EXECUTE format('DROP TABLE public.%I', 'outbox_events_' || to_char(p_month, 'YYYY_MM'));
END
$$;
COMMENT ON FUNCTION drop_outbox_month(date) IS 'Forgets a month, if everything in it was delivered. For the owner, from a calendar job.';

-- Fixed months and not now(): the history of the schema must give the same schema whenever it is replayed.
SELECT create_outbox_month(month::date) FROM generate_series('2026-01-01'::timestamp, '2026-12-01', '1 month') AS month;
-- A missing month must not stop the shop. Rows in here are the alarm of whoever runs the calendar job.
CREATE TABLE outbox_events_default PARTITION OF outbox_events DEFAULT;

ALTER TABLE outbox_events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON outbox_events TO orders_app
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::bigint));
CREATE POLICY owner_maintenance ON outbox_events TO orders_owner USING (true);
CREATE POLICY worker_delivery ON outbox_events TO orders_worker USING (true);

GRANT SELECT ON outbox_events TO orders_app, orders_worker;
GRANT INSERT (tenant_id, topic, payload) ON outbox_events TO orders_app;
GRANT UPDATE (attempt_count, last_error, available_at, published_at) ON outbox_events TO orders_worker;
