-- Who may do what. The owner owns; webapp does the application's job and nothing else; analyst reads, without secrets
-- and without addresses. Rights are given per table, and per column where it matters:
--   * webapp never writes a counter: those columns are not in its UPDATE lists.
--   * webapp has no DELETE on anything with history; it may set deleted_at.
--   * purchases and refunds: INSERT only. The trigger of 005 holds for the owner, too.
--   * credentials: no right at all, only three functions.

GRANT USAGE ON SCHEMA public TO webapp, analyst;

CREATE FUNCTION find_credential(p_email text)
RETURNS TABLE (user_id bigint, password_hash text, locked_until timestamptz)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT k.user_id, k.password_hash, k.locked_until
    FROM public.users AS u
    JOIN public.credentials AS k ON k.user_id = u.id
    WHERE u.email = p_email::public.citext AND u.deleted_at IS NULL
$$;
COMMENT ON FUNCTION find_credential(text) IS 'Login: the hash to compare with, for one address. There is no way to list them.';

CREATE FUNCTION set_password_hash(p_user_id bigint, p_password_hash text) RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    INSERT INTO public.credentials (user_id, password_hash) VALUES (p_user_id, p_password_hash)
    ON CONFLICT (user_id) DO UPDATE
    SET password_hash = EXCLUDED.password_hash, failed_attempt_count = 0, locked_until = NULL, changed_at = now()
$$;
COMMENT ON FUNCTION set_password_hash(bigint, text) IS 'Registration and change of password. Takes a hash; the check on the column refuses anything else.';

CREATE FUNCTION record_login(p_user_id bigint, p_succeeded boolean) RETURNS void
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    UPDATE public.credentials AS k
    SET failed_attempt_count = CASE WHEN p_succeeded THEN 0 ELSE k.failed_attempt_count + 1 END,
        locked_until = CASE WHEN NOT p_succeeded AND k.failed_attempt_count + 1 >= 10 THEN now() + interval '15 minutes' END
    WHERE k.user_id = p_user_id
$$;
COMMENT ON FUNCTION record_login(bigint, boolean) IS 'Counts failures; ten in a row lock the account for a quarter of an hour.';

GRANT EXECUTE ON FUNCTION find_credential(text), set_password_hash(bigint, text), record_login(bigint, boolean) TO webapp;

-- webapp: pages
GRANT SELECT ON user_profiles, instructor_profiles, published_courses, course_lessons, course_pages, course_reviews,
    dashboards, dashboard_courses, player_lessons, player_assets, instructor_courses, instructor_revenues,
    user_notifications, certificate_checks, category_counts TO webapp;

-- webapp: the tables its transactions read and write
GRANT SELECT ON users, students, instructors, categories, tags, courses, course_tags, course_instructors, sections,
    lessons, lesson_assets, enrollments, lesson_progress, certificates, coupons, purchases, refunds, reviews,
    notifications, outbox_events, summaries TO webapp;

GRANT INSERT (email, slug, display_name, language_code, time_zone) ON users TO webapp;
GRANT UPDATE (email, slug, display_name, language_code, time_zone, deleted_at) ON users TO webapp;
GRANT INSERT (user_id, weekly_goal_minutes) ON students TO webapp;
GRANT UPDATE (weekly_goal_minutes) ON students TO webapp;
GRANT INSERT (user_id, headline, biography) ON instructors TO webapp;
GRANT UPDATE (headline, biography) ON instructors TO webapp;

GRANT INSERT (slug, title) ON tags TO webapp;
GRANT INSERT (instructor_id, category_id, slug, title, subtitle, description, language_code, difficulty, price, currency, seat_limit) ON courses TO webapp;
GRANT UPDATE (instructor_id, category_id, slug, title, subtitle, description, language_code, difficulty, status, price, currency,
    seat_limit, published_at, deleted_at) ON courses TO webapp;
GRANT INSERT, DELETE ON course_tags TO webapp;
GRANT INSERT, DELETE, UPDATE (teaching_role, revenue_share) ON course_instructors TO webapp;
GRANT INSERT (course_id, sort_order, title) ON sections TO webapp;
GRANT UPDATE (sort_order, title, deleted_at) ON sections TO webapp;
GRANT INSERT (section_id, sort_order, title, kind, content, duration_seconds, is_preview) ON lessons TO webapp;
GRANT UPDATE (section_id, sort_order, title, kind, content, duration_seconds, is_preview, deleted_at) ON lessons TO webapp;
GRANT INSERT (lesson_id, kind, title, object_key, content_sha256, media_type, byte_size) ON lesson_assets TO webapp;
GRANT UPDATE (title, deleted_at) ON lesson_assets TO webapp;

GRANT INSERT (user_id, course_id, status) ON enrollments TO webapp;
GRANT UPDATE (status, last_lesson_id, completed_at, cancelled_at) ON enrollments TO webapp;
GRANT INSERT (enrollment_id, lesson_id, watched_seconds, completed_at) ON lesson_progress TO webapp;
GRANT UPDATE (watched_seconds, completed_at) ON lesson_progress TO webapp;
GRANT INSERT (enrollment_id, code, holder_name, course_title) ON certificates TO webapp;
GRANT INSERT (code, course_id, percent_off, amount_off, currency, max_redemptions, max_per_user, valid_from, valid_until) ON coupons TO webapp;
GRANT UPDATE (max_redemptions, valid_until, deleted_at) ON coupons TO webapp;
GRANT INSERT (user_id, course_id, coupon_id, list_price, discount, amount, currency, payment_reference) ON purchases TO webapp;
GRANT INSERT (purchase_id, amount, reason) ON refunds TO webapp;
GRANT INSERT (user_id, course_id, rating, body) ON reviews TO webapp;
GRANT UPDATE (rating, body, deleted_at) ON reviews TO webapp;
GRANT INSERT (user_id, course_id, kind, message) ON notifications TO webapp;
GRANT UPDATE (read_at) ON notifications TO webapp;
GRANT INSERT (topic, payload) ON outbox_events TO webapp;
GRANT UPDATE (attempt_count, last_error, available_at, published_at) ON outbox_events TO webapp;

-- analyst: numbers, no hashes, no addresses, no private messages
GRANT SELECT ON user_profiles, instructor_profiles, published_courses, course_lessons, course_reviews, dashboard_courses,
    instructor_courses, instructor_revenues, category_counts, daily_sales TO analyst;
GRANT SELECT (id, slug, display_name, language_code, time_zone, created_at, updated_at, deleted_at) ON users TO analyst;
GRANT SELECT ON students, instructors, categories, tags, courses, course_tags, course_instructors, sections, lessons,
    lesson_assets, enrollments, lesson_progress, certificates, coupons, purchases, refunds, reviews, summaries TO analyst;
