-- The read model of the dashboard: one row per user with everything its header shows, kept by triggers with the rules
-- of 007. The header is on every page; counting six tables for it would cost more than all other reads together.

CREATE TABLE summaries (
    user_id                    bigint  NOT NULL,
    active_enrollment_count    integer NOT NULL DEFAULT 0,
    completed_enrollment_count integer NOT NULL DEFAULT 0,
    completed_lesson_count     integer NOT NULL DEFAULT 0,
    certificate_count          integer NOT NULL DEFAULT 0,
    review_count               integer NOT NULL DEFAULT 0,
    unread_notification_count  integer NOT NULL DEFAULT 0,
    CONSTRAINT pk_summaries PRIMARY KEY (user_id),
    CONSTRAINT fk_summaries_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT ck_summaries_active_enrollment_count CHECK (active_enrollment_count >= 0),
    CONSTRAINT ck_summaries_completed_enrollment_count CHECK (completed_enrollment_count >= 0),
    CONSTRAINT ck_summaries_completed_lesson_count CHECK (completed_lesson_count >= 0),
    CONSTRAINT ck_summaries_certificate_count CHECK (certificate_count >= 0),
    CONSTRAINT ck_summaries_review_count CHECK (review_count >= 0),
    CONSTRAINT ck_summaries_unread_notification_count CHECK (unread_notification_count >= 0)
)
-- Written often, never grows: room in the page keeps every update in place and off the index.
WITH (fillfactor = 70);
COMMENT ON TABLE summaries IS 'Read model of the dashboard, one row per user, born with the user. Nothing here is a fact of its own: invariants/ recounts every column.';
COMMENT ON COLUMN summaries.active_enrollment_count IS 'Denormalised: enrollments of the user that are active.';
COMMENT ON COLUMN summaries.completed_enrollment_count IS 'Denormalised: enrollments of the user that are completed.';
COMMENT ON COLUMN summaries.completed_lesson_count IS 'Denormalised: lessons the user completed, in all courses.';
COMMENT ON COLUMN summaries.certificate_count IS 'Denormalised: certificates of the user.';
COMMENT ON COLUMN summaries.review_count IS 'Denormalised: live reviews by the user.';
COMMENT ON COLUMN summaries.unread_notification_count IS 'Denormalised: notifications of the user that are unread; the number on the bell.';
COMMENT ON CONSTRAINT fk_summaries_user_id ON summaries IS 'CASCADE: a summary of nobody is nothing.';

-- allow: lock-held-through-work because one INSERT of narrow rows is short, and registering a user waits for it once
INSERT INTO summaries (user_id) SELECT u.id FROM users AS u;

CREATE FUNCTION create_summary() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO public.summaries (user_id) SELECT n.id FROM new_rows AS n ORDER BY n.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION create_summary() IS 'Every user has a summary from the start, so that the counters only ever update.';

CREATE TRIGGER trg_users_summary AFTER INSERT ON users
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION create_summary();

CREATE FUNCTION summarise_enrollments() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    delta record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        FOR delta IN
            SELECT n.user_id,
                count(*) FILTER (WHERE n.status = 'active') AS active,
                count(*) FILTER (WHERE n.status = 'completed') AS completed
            FROM new_rows AS n WHERE n.status IN ('active', 'completed')
            GROUP BY n.user_id ORDER BY n.user_id
        LOOP
            UPDATE public.summaries AS s
            SET active_enrollment_count = s.active_enrollment_count + delta.active,
                completed_enrollment_count = s.completed_enrollment_count + delta.completed
            WHERE s.user_id = delta.user_id;
        END LOOP;
    ELSIF TG_OP = 'DELETE' THEN
        FOR delta IN
            SELECT o.user_id,
                count(*) FILTER (WHERE o.status = 'active') AS active,
                count(*) FILTER (WHERE o.status = 'completed') AS completed
            FROM old_rows AS o WHERE o.status IN ('active', 'completed')
            GROUP BY o.user_id ORDER BY o.user_id
        LOOP
            UPDATE public.summaries AS s
            SET active_enrollment_count = s.active_enrollment_count - delta.active,
                completed_enrollment_count = s.completed_enrollment_count - delta.completed
            WHERE s.user_id = delta.user_id;
        END LOOP;
    ELSE
        FOR delta IN
            SELECT d.user_id, sum(d.active) AS active, sum(d.completed) AS completed
            FROM (
                SELECT n.user_id, (n.status = 'active')::integer AS active, (n.status = 'completed')::integer AS completed FROM new_rows AS n
                UNION ALL
                SELECT o.user_id, -(o.status = 'active')::integer, -(o.status = 'completed')::integer FROM old_rows AS o
            ) AS d
            GROUP BY d.user_id
            HAVING sum(d.active) <> 0 OR sum(d.completed) <> 0
            ORDER BY d.user_id
        LOOP
            UPDATE public.summaries AS s
            SET active_enrollment_count = s.active_enrollment_count + delta.active,
                completed_enrollment_count = s.completed_enrollment_count + delta.completed
            WHERE s.user_id = delta.user_id;
        END LOOP;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION summarise_enrollments() IS 'Keeps the enrollment counts of summaries. Its triggers sort behind trg_enrollments_count_*: courses are locked before summaries.';

CREATE TRIGGER trg_enrollments_summarise_insert AFTER INSERT ON enrollments
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION summarise_enrollments();
CREATE TRIGGER trg_enrollments_summarise_update AFTER UPDATE ON enrollments
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION summarise_enrollments();
CREATE TRIGGER trg_enrollments_summarise_delete AFTER DELETE ON enrollments
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION summarise_enrollments();
