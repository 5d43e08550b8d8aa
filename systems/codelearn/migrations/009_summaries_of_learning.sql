-- The rest of the read model: lessons, certificates, reviews and the bell. Each function gathers one difference per user
-- from its statement and applies them in ascending user_id (rules of 007).

CREATE FUNCTION summarise_lesson_progress() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    user_ids bigint[];
    amounts  bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(d.user_id ORDER BY d.user_id), array_agg(d.amount ORDER BY d.user_id) INTO user_ids, amounts
        FROM (
            SELECT e.user_id, count(*) AS amount
            FROM new_rows AS n JOIN public.enrollments AS e ON e.id = n.enrollment_id WHERE n.completed_at IS NOT NULL
            GROUP BY e.user_id
        ) AS d;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(d.user_id ORDER BY d.user_id), array_agg(d.amount ORDER BY d.user_id) INTO user_ids, amounts
        FROM (
            SELECT e.user_id, -count(*) AS amount
            FROM old_rows AS o JOIN public.enrollments AS e ON e.id = o.enrollment_id WHERE o.completed_at IS NOT NULL
            GROUP BY e.user_id
        ) AS d;
    ELSE
        SELECT array_agg(d.user_id ORDER BY d.user_id), array_agg(d.amount ORDER BY d.user_id) INTO user_ids, amounts
        FROM (
            SELECT b.user_id, sum(b.amount) AS amount
            FROM (
                SELECT e.user_id, 1 AS amount FROM new_rows AS n JOIN public.enrollments AS e ON e.id = n.enrollment_id WHERE n.completed_at IS NOT NULL
                UNION ALL
                SELECT e.user_id, -1 FROM old_rows AS o JOIN public.enrollments AS e ON e.id = o.enrollment_id WHERE o.completed_at IS NOT NULL
            ) AS b
            GROUP BY b.user_id
            HAVING sum(b.amount) <> 0
        ) AS d;
    END IF;
    FOR i IN 1 .. coalesce(cardinality(user_ids), 0) LOOP
        UPDATE public.summaries AS s SET completed_lesson_count = s.completed_lesson_count + amounts[i]
        WHERE s.user_id = user_ids[i];
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION summarise_lesson_progress() IS 'Keeps summaries.completed_lesson_count. The enrollment says whose it is; it cannot vanish first, its foreign key is RESTRICT.';

CREATE TRIGGER trg_lesson_progress_summarise_insert AFTER INSERT ON lesson_progress
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION summarise_lesson_progress();
CREATE TRIGGER trg_lesson_progress_summarise_update AFTER UPDATE ON lesson_progress
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION summarise_lesson_progress();
CREATE TRIGGER trg_lesson_progress_summarise_delete AFTER DELETE ON lesson_progress
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION summarise_lesson_progress();

CREATE FUNCTION summarise_certificates() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    user_ids bigint[];
    amounts  bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(d.user_id ORDER BY d.user_id), array_agg(d.amount ORDER BY d.user_id) INTO user_ids, amounts
        FROM (
            SELECT e.user_id, count(*) AS amount
            FROM new_rows AS n JOIN public.enrollments AS e ON e.id = n.enrollment_id
            GROUP BY e.user_id
        ) AS d;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(d.user_id ORDER BY d.user_id), array_agg(d.amount ORDER BY d.user_id) INTO user_ids, amounts
        FROM (
            SELECT e.user_id, -count(*) AS amount
            FROM old_rows AS o JOIN public.enrollments AS e ON e.id = o.enrollment_id
            GROUP BY e.user_id
        ) AS d;
    ELSE
        SELECT array_agg(d.user_id ORDER BY d.user_id), array_agg(d.amount ORDER BY d.user_id) INTO user_ids, amounts
        FROM (
            SELECT b.user_id, sum(b.amount) AS amount
            FROM (
                SELECT e.user_id, 1 AS amount FROM new_rows AS n JOIN public.enrollments AS e ON e.id = n.enrollment_id
                UNION ALL
                SELECT e.user_id, -1 FROM old_rows AS o JOIN public.enrollments AS e ON e.id = o.enrollment_id
            ) AS b
            GROUP BY b.user_id
            HAVING sum(b.amount) <> 0
        ) AS d;
    END IF;
    FOR i IN 1 .. coalesce(cardinality(user_ids), 0) LOOP
        UPDATE public.summaries AS s SET certificate_count = s.certificate_count + amounts[i]
        WHERE s.user_id = user_ids[i];
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION summarise_certificates() IS 'Keeps summaries.certificate_count.';

CREATE TRIGGER trg_certificates_summarise_insert AFTER INSERT ON certificates
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION summarise_certificates();
CREATE TRIGGER trg_certificates_summarise_update AFTER UPDATE ON certificates
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION summarise_certificates();
CREATE TRIGGER trg_certificates_summarise_delete AFTER DELETE ON certificates
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION summarise_certificates();

CREATE FUNCTION summarise_reviews() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    user_ids bigint[];
    amounts  bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(d.user_id ORDER BY d.user_id), array_agg(d.amount ORDER BY d.user_id) INTO user_ids, amounts
        FROM (
            SELECT n.user_id, count(*) AS amount FROM new_rows AS n WHERE n.deleted_at IS NULL GROUP BY n.user_id
        ) AS d;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(d.user_id ORDER BY d.user_id), array_agg(d.amount ORDER BY d.user_id) INTO user_ids, amounts
        FROM (
            SELECT o.user_id, -count(*) AS amount FROM old_rows AS o WHERE o.deleted_at IS NULL GROUP BY o.user_id
        ) AS d;
    ELSE
        SELECT array_agg(d.user_id ORDER BY d.user_id), array_agg(d.amount ORDER BY d.user_id) INTO user_ids, amounts
        FROM (
            SELECT b.user_id, sum(b.amount) AS amount
            FROM (
                SELECT n.user_id, 1 AS amount FROM new_rows AS n WHERE n.deleted_at IS NULL
                UNION ALL
                SELECT o.user_id, -1 FROM old_rows AS o WHERE o.deleted_at IS NULL
            ) AS b
            GROUP BY b.user_id
            HAVING sum(b.amount) <> 0
        ) AS d;
    END IF;
    FOR i IN 1 .. coalesce(cardinality(user_ids), 0) LOOP
        UPDATE public.summaries AS s SET review_count = s.review_count + amounts[i]
        WHERE s.user_id = user_ids[i];
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION summarise_reviews() IS 'Keeps summaries.review_count. Its triggers sort behind trg_reviews_count_*: courses are locked before summaries.';

CREATE TRIGGER trg_reviews_summarise_insert AFTER INSERT ON reviews
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION summarise_reviews();
CREATE TRIGGER trg_reviews_summarise_update AFTER UPDATE ON reviews
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION summarise_reviews();
CREATE TRIGGER trg_reviews_summarise_delete AFTER DELETE ON reviews
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION summarise_reviews();

CREATE FUNCTION summarise_notifications() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    user_ids bigint[];
    amounts  bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(d.user_id ORDER BY d.user_id), array_agg(d.amount ORDER BY d.user_id) INTO user_ids, amounts
        FROM (
            SELECT n.user_id, count(*) AS amount FROM new_rows AS n WHERE n.read_at IS NULL GROUP BY n.user_id
        ) AS d;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(d.user_id ORDER BY d.user_id), array_agg(d.amount ORDER BY d.user_id) INTO user_ids, amounts
        FROM (
            SELECT o.user_id, -count(*) AS amount FROM old_rows AS o WHERE o.read_at IS NULL GROUP BY o.user_id
        ) AS d;
    ELSE
        SELECT array_agg(d.user_id ORDER BY d.user_id), array_agg(d.amount ORDER BY d.user_id) INTO user_ids, amounts
        FROM (
            SELECT b.user_id, sum(b.amount) AS amount
            FROM (
                SELECT n.user_id, 1 AS amount FROM new_rows AS n WHERE n.read_at IS NULL
                UNION ALL
                SELECT o.user_id, -1 FROM old_rows AS o WHERE o.read_at IS NULL
            ) AS b
            GROUP BY b.user_id
            HAVING sum(b.amount) <> 0
        ) AS d;
    END IF;
    FOR i IN 1 .. coalesce(cardinality(user_ids), 0) LOOP
        UPDATE public.summaries AS s SET unread_notification_count = s.unread_notification_count + amounts[i]
        WHERE s.user_id = user_ids[i];
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION summarise_notifications() IS 'Keeps summaries.unread_notification_count.';

CREATE TRIGGER trg_notifications_summarise_insert AFTER INSERT ON notifications
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION summarise_notifications();
CREATE TRIGGER trg_notifications_summarise_update AFTER UPDATE ON notifications
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION summarise_notifications();
CREATE TRIGGER trg_notifications_summarise_delete AFTER DELETE ON notifications
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION summarise_notifications();

-- What exists already. Each table was locked by its CREATE TRIGGER, so nothing changes underneath.
-- allow: lock-held-through-work because the counts are exact only while nobody learns; it was deployed before the first course
UPDATE summaries AS s
SET active_enrollment_count = (SELECT count(*) FROM enrollments AS e WHERE e.user_id = s.user_id AND e.status = 'active'),
    completed_enrollment_count = (SELECT count(*) FROM enrollments AS e WHERE e.user_id = s.user_id AND e.status = 'completed'),
    completed_lesson_count = (
        SELECT count(*) FROM lesson_progress AS lp JOIN enrollments AS e ON e.id = lp.enrollment_id
        WHERE e.user_id = s.user_id AND lp.completed_at IS NOT NULL
    ),
    certificate_count = (
        SELECT count(*) FROM certificates AS ct JOIN enrollments AS e ON e.id = ct.enrollment_id WHERE e.user_id = s.user_id
    ),
    review_count = (SELECT count(*) FROM reviews AS r WHERE r.user_id = s.user_id AND r.deleted_at IS NULL),
    unread_notification_count = (SELECT count(*) FROM notifications AS n WHERE n.user_id = s.user_id AND n.read_at IS NULL);
