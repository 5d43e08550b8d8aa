-- Counters that pages read far more often than anything changes them. They are kept by triggers, so no writer can
-- forget them, and each has a recount in invariants/.
--
-- How the triggers stay right with many writers:
--   * They add differences (count = count + n) under the row's own lock; they never read, think and write back.
--   * They fire once per statement and touch their rows in ascending id: two statements never wait crosswise.
--   * Across tables everybody locks in one order: courses, coupons, enrollments, summaries (see README).

ALTER TABLE courses ADD COLUMN enrollment_count integer NOT NULL DEFAULT 0;
ALTER TABLE courses ADD COLUMN seats_taken integer NOT NULL DEFAULT 0;
ALTER TABLE courses ADD COLUMN rating_count integer NOT NULL DEFAULT 0;
ALTER TABLE courses ADD COLUMN rating_sum integer NOT NULL DEFAULT 0;
ALTER TABLE courses ADD COLUMN shared_revenue numeric(5,2) NOT NULL DEFAULT 0;
ALTER TABLE courses ADD CONSTRAINT ck_courses_enrollment_count CHECK (enrollment_count >= 0);
ALTER TABLE courses ADD CONSTRAINT ck_courses_seats_taken CHECK (seats_taken >= 0 AND (seat_limit IS NULL OR seats_taken <= seat_limit));
ALTER TABLE courses ADD CONSTRAINT ck_courses_rating_summary CHECK (rating_count >= 0 AND rating_sum BETWEEN rating_count AND 5 * rating_count);
ALTER TABLE courses ADD CONSTRAINT ck_courses_shared_revenue CHECK (shared_revenue BETWEEN 0 AND 100);
COMMENT ON COLUMN courses.enrollment_count IS 'Denormalised: students who learn or learned here (enrollments active or completed). The catalogue sorts by it.';
COMMENT ON COLUMN courses.seats_taken IS 'Denormalised: seats held (enrollments pending, active or completed). The check against seat_limit is what makes overselling impossible.';
COMMENT ON COLUMN courses.rating_count IS 'Denormalised: live reviews.';
COMMENT ON COLUMN courses.rating_sum IS 'Denormalised: stars of live reviews; the average is rating_sum / rating_count.';
COMMENT ON COLUMN courses.shared_revenue IS 'Denormalised: sum of course_instructors.revenue_share; the owner keeps the rest. The check makes more than 100 percent impossible.';

ALTER TABLE coupons ADD COLUMN redemption_count integer NOT NULL DEFAULT 0;
ALTER TABLE coupons ADD CONSTRAINT ck_coupons_redemption_count CHECK (redemption_count >= 0 AND (max_redemptions IS NULL OR redemption_count <= max_redemptions));
COMMENT ON COLUMN coupons.redemption_count IS 'Denormalised: purchases with this coupon. The check against max_redemptions is what makes one use too many impossible.';

CREATE FUNCTION count_enrollments() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    delta record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        FOR delta IN
            SELECT n.course_id,
                count(*) FILTER (WHERE n.status IN ('active', 'completed')) AS enrolled,
                count(*) FILTER (WHERE n.status <> 'cancelled') AS seats
            FROM new_rows AS n
            GROUP BY n.course_id
            ORDER BY n.course_id
        LOOP
            UPDATE public.courses AS c
            SET enrollment_count = c.enrollment_count + delta.enrolled, seats_taken = c.seats_taken + delta.seats
            WHERE c.id = delta.course_id AND (delta.enrolled <> 0 OR delta.seats <> 0);
        END LOOP;
    ELSIF TG_OP = 'DELETE' THEN
        FOR delta IN
            SELECT o.course_id,
                count(*) FILTER (WHERE o.status IN ('active', 'completed')) AS enrolled,
                count(*) FILTER (WHERE o.status <> 'cancelled') AS seats
            FROM old_rows AS o
            GROUP BY o.course_id
            ORDER BY o.course_id
        LOOP
            UPDATE public.courses AS c
            SET enrollment_count = c.enrollment_count - delta.enrolled, seats_taken = c.seats_taken - delta.seats
            WHERE c.id = delta.course_id AND (delta.enrolled <> 0 OR delta.seats <> 0);
        END LOOP;
    ELSE
        FOR delta IN
            SELECT d.course_id, sum(d.enrolled) AS enrolled, sum(d.seat) AS seats
            FROM (
                SELECT n.course_id, (n.status IN ('active', 'completed'))::integer AS enrolled, (n.status <> 'cancelled')::integer AS seat
                FROM new_rows AS n
                UNION ALL
                SELECT o.course_id, -(o.status IN ('active', 'completed'))::integer, -(o.status <> 'cancelled')::integer
                FROM old_rows AS o
            ) AS d
            GROUP BY d.course_id
            HAVING sum(d.enrolled) <> 0 OR sum(d.seat) <> 0
            ORDER BY d.course_id
        LOOP
            UPDATE public.courses AS c
            SET enrollment_count = c.enrollment_count + delta.enrolled, seats_taken = c.seats_taken + delta.seats
            WHERE c.id = delta.course_id;
        END LOOP;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION count_enrollments() IS 'Keeps courses.enrollment_count and courses.seats_taken. SECURITY DEFINER: no role may write the counters itself.';

CREATE TRIGGER trg_enrollments_count_insert AFTER INSERT ON enrollments
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_enrollments();
CREATE TRIGGER trg_enrollments_count_update AFTER UPDATE ON enrollments
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_enrollments();
CREATE TRIGGER trg_enrollments_count_delete AFTER DELETE ON enrollments
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_enrollments();

CREATE FUNCTION count_reviews() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    delta record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        FOR delta IN
            SELECT n.course_id, count(*) AS ratings, sum(n.rating) AS stars
            FROM new_rows AS n WHERE n.deleted_at IS NULL
            GROUP BY n.course_id ORDER BY n.course_id
        LOOP
            UPDATE public.courses AS c
            SET rating_count = c.rating_count + delta.ratings, rating_sum = c.rating_sum + delta.stars
            WHERE c.id = delta.course_id;
        END LOOP;
    ELSIF TG_OP = 'DELETE' THEN
        FOR delta IN
            SELECT o.course_id, count(*) AS ratings, sum(o.rating) AS stars
            FROM old_rows AS o WHERE o.deleted_at IS NULL
            GROUP BY o.course_id ORDER BY o.course_id
        LOOP
            UPDATE public.courses AS c
            SET rating_count = c.rating_count - delta.ratings, rating_sum = c.rating_sum - delta.stars
            WHERE c.id = delta.course_id;
        END LOOP;
    ELSE
        FOR delta IN
            SELECT d.course_id, sum(d.ratings) AS ratings, sum(d.stars) AS stars
            FROM (
                SELECT n.course_id, 1 AS ratings, n.rating AS stars FROM new_rows AS n WHERE n.deleted_at IS NULL
                UNION ALL
                SELECT o.course_id, -1, -o.rating FROM old_rows AS o WHERE o.deleted_at IS NULL
            ) AS d
            GROUP BY d.course_id
            HAVING sum(d.ratings) <> 0 OR sum(d.stars) <> 0
            ORDER BY d.course_id
        LOOP
            UPDATE public.courses AS c
            SET rating_count = c.rating_count + delta.ratings, rating_sum = c.rating_sum + delta.stars
            WHERE c.id = delta.course_id;
        END LOOP;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION count_reviews() IS 'Keeps courses.rating_count and courses.rating_sum; a soft-deleted review does not count.';

CREATE TRIGGER trg_reviews_count_insert AFTER INSERT ON reviews
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_reviews();
CREATE TRIGGER trg_reviews_count_update AFTER UPDATE ON reviews
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_reviews();
CREATE TRIGGER trg_reviews_count_delete AFTER DELETE ON reviews
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_reviews();

CREATE FUNCTION sum_revenue_shares() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    delta record;
BEGIN
    -- Differences of zero are written too: the row is locked by it, so a change of owner at the same moment waits.
    IF TG_OP = 'INSERT' THEN
        FOR delta IN
            SELECT n.course_id, sum(n.revenue_share) AS share FROM new_rows AS n GROUP BY n.course_id ORDER BY n.course_id
        LOOP
            UPDATE public.courses AS c SET shared_revenue = c.shared_revenue + delta.share WHERE c.id = delta.course_id;
        END LOOP;
    ELSIF TG_OP = 'DELETE' THEN
        FOR delta IN
            SELECT o.course_id, sum(o.revenue_share) AS share FROM old_rows AS o GROUP BY o.course_id ORDER BY o.course_id
        LOOP
            UPDATE public.courses AS c SET shared_revenue = c.shared_revenue - delta.share WHERE c.id = delta.course_id;
        END LOOP;
    ELSE
        FOR delta IN
            SELECT d.course_id, sum(d.share) AS share
            FROM (
                SELECT n.course_id, n.revenue_share AS share FROM new_rows AS n
                UNION ALL
                SELECT o.course_id, -o.revenue_share FROM old_rows AS o
            ) AS d
            GROUP BY d.course_id ORDER BY d.course_id
        LOOP
            UPDATE public.courses AS c SET shared_revenue = c.shared_revenue + delta.share WHERE c.id = delta.course_id;
        END LOOP;
    END IF;
    -- Nested, not AND: a DELETE has no new_rows, and a condition is prepared as a whole.
    IF TG_OP <> 'DELETE' THEN
        IF EXISTS (
            SELECT FROM new_rows AS n JOIN public.courses AS c ON c.id = n.course_id WHERE c.instructor_id = n.instructor_id
        ) THEN
            RAISE EXCEPTION 'the owner of a course is not also its co-instructor'
                USING ERRCODE = 'check_violation', TABLE = 'course_instructors', COLUMN = 'instructor_id';
        END IF;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION sum_revenue_shares() IS 'Keeps courses.shared_revenue, and keeps the owner out of the list of co-instructors.';

CREATE TRIGGER trg_course_instructors_share_insert AFTER INSERT ON course_instructors
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sum_revenue_shares();
CREATE TRIGGER trg_course_instructors_share_update AFTER UPDATE ON course_instructors
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sum_revenue_shares();
CREATE TRIGGER trg_course_instructors_share_delete AFTER DELETE ON course_instructors
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION sum_revenue_shares();

CREATE FUNCTION check_course_owner() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.course_instructors AS ci WHERE ci.course_id = NEW.id AND ci.instructor_id = NEW.instructor_id
    ) THEN
        RAISE EXCEPTION 'instructor % is a co-instructor of course %; end that before handing the course over', NEW.instructor_id, NEW.id
            USING ERRCODE = 'check_violation', TABLE = 'courses', COLUMN = 'instructor_id';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION check_course_owner() IS 'The other half of sum_revenue_shares: a course is not handed to one of its co-instructors. Both write the course row, so they queue.';

CREATE TRIGGER trg_courses_owner AFTER UPDATE OF instructor_id ON courses
    FOR EACH ROW WHEN (NEW.instructor_id IS DISTINCT FROM OLD.instructor_id)
    EXECUTE FUNCTION check_course_owner();

CREATE FUNCTION count_redemptions() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    delta record;
BEGIN
    -- Purchases are only ever inserted, so there is nothing to take back.
    FOR delta IN
        SELECT n.coupon_id, count(*) AS uses FROM new_rows AS n
        WHERE n.coupon_id IS NOT NULL
        GROUP BY n.coupon_id ORDER BY n.coupon_id
    LOOP
        UPDATE public.coupons AS k SET redemption_count = k.redemption_count + delta.uses WHERE k.id = delta.coupon_id;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION count_redemptions() IS 'Keeps coupons.redemption_count.';

CREATE TRIGGER trg_purchases_count_insert AFTER INSERT ON purchases
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_redemptions();
