-- One view per page. Views are where soft delete is understood once: none of them shows a deleted row, nor a row whose
-- parent is deleted, so no query has to remember it.

CREATE VIEW user_profiles AS
SELECT u.id, u.slug, u.display_name, u.language_code, u.time_zone, u.created_at,
    EXISTS (SELECT FROM students AS st WHERE st.user_id = u.id) AS is_student,
    EXISTS (SELECT FROM instructors AS i WHERE i.user_id = u.id) AS is_instructor
FROM users AS u
WHERE u.deleted_at IS NULL;
COMMENT ON VIEW user_profiles IS 'Live people with the roles they have; no address.';

CREATE VIEW instructor_profiles AS
SELECT i.user_id, u.slug, u.display_name, i.headline, i.biography
FROM instructors AS i
JOIN users AS u ON u.id = i.user_id
WHERE u.deleted_at IS NULL;
COMMENT ON VIEW instructor_profiles IS 'Public page of an instructor.';

CREATE VIEW published_courses AS
SELECT c.id, c.slug, c.title, c.subtitle, c.language_code, c.difficulty, c.price, c.currency,
    c.seat_limit - c.seats_taken AS seats_left,
    c.enrollment_count, c.rating_count,
    round(c.rating_sum::numeric / nullif(c.rating_count, 0), 2) AS rating_average,
    c.published_at, c.category_id, g.slug AS category_slug, g.title AS category_title,
    c.instructor_id, u.slug AS instructor_slug, u.display_name AS instructor_name, c.search_vector
FROM courses AS c
JOIN categories AS g ON g.id = c.category_id
JOIN users AS u ON u.id = c.instructor_id
WHERE c.status = 'published' AND c.deleted_at IS NULL AND u.deleted_at IS NULL;
COMMENT ON VIEW published_courses IS 'Cards of the home page, the catalogue and the search: live courses that are for sale. seats_left is NULL without a limit.';

CREATE VIEW course_lessons AS
SELECT s.course_id, s.id AS section_id, s.sort_order AS section_order, s.title AS section_title,
    l.id AS lesson_id, l.sort_order AS lesson_order, l.title AS lesson_title, l.kind, l.duration_seconds, l.is_preview
FROM courses AS c
JOIN sections AS s ON s.course_id = c.id
JOIN lessons AS l ON l.section_id = s.id
WHERE c.deleted_at IS NULL AND s.deleted_at IS NULL AND l.deleted_at IS NULL;
COMMENT ON VIEW course_lessons IS 'The curriculum of a live course: its live lessons in its live sections.';

CREATE VIEW course_pages AS
SELECT p.*, c.description, i.headline AS instructor_headline, i.biography AS instructor_biography,
    t.lesson_count, t.duration_seconds, k.tags, co.co_instructors
FROM published_courses AS p
JOIN courses AS c ON c.id = p.id
JOIN instructors AS i ON i.user_id = p.instructor_id
CROSS JOIN LATERAL (
    SELECT count(*) AS lesson_count, coalesce(sum(cl.duration_seconds), 0) AS duration_seconds
    FROM course_lessons AS cl WHERE cl.course_id = p.id
) AS t
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(tg.title ORDER BY tg.title), '{}') AS tags
    FROM course_tags AS ct JOIN tags AS tg ON tg.id = ct.tag_id WHERE ct.course_id = p.id
) AS k
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(u.display_name ORDER BY ci.joined_at, u.id), '{}') AS co_instructors
    FROM course_instructors AS ci JOIN users AS u ON u.id = ci.instructor_id
    WHERE ci.course_id = p.id AND u.deleted_at IS NULL
) AS co;
COMMENT ON VIEW course_pages IS 'Everything above the fold of a course page, one row per course.';

CREATE VIEW course_reviews AS
SELECT r.id, r.course_id, r.rating, r.body, r.created_at, r.user_id, u.display_name AS reviewer_name
FROM reviews AS r
JOIN courses AS c ON c.id = r.course_id
JOIN users AS u ON u.id = r.user_id
WHERE r.deleted_at IS NULL AND c.deleted_at IS NULL AND u.deleted_at IS NULL;
COMMENT ON VIEW course_reviews IS 'Live reviews of live courses by live people. courses.rating_count also counts the reviews of closed accounts: their stars stay, their words go.';

CREATE VIEW dashboards AS
SELECT s.user_id, u.display_name, s.active_enrollment_count, s.completed_enrollment_count, s.completed_lesson_count,
    s.certificate_count, s.review_count, s.unread_notification_count
FROM summaries AS s
JOIN users AS u ON u.id = s.user_id
WHERE u.deleted_at IS NULL;
COMMENT ON VIEW dashboards IS 'Header of the dashboard, straight from the read model.';

CREATE VIEW dashboard_courses AS
SELECT e.id AS enrollment_id, e.user_id, e.course_id, e.status, e.created_at, e.updated_at,
    (SELECT cl.lesson_id FROM course_lessons AS cl WHERE cl.lesson_id = e.last_lesson_id) AS last_lesson_id,
    c.slug, c.title, t.lesson_count, t.completed_lesson_count
FROM enrollments AS e
JOIN courses AS c ON c.id = e.course_id
JOIN users AS u ON u.id = e.user_id
CROSS JOIN LATERAL (
    SELECT count(*) AS lesson_count, count(lp.completed_at) AS completed_lesson_count
    FROM course_lessons AS cl
    LEFT JOIN lesson_progress AS lp ON lp.enrollment_id = e.id AND lp.lesson_id = cl.lesson_id
    WHERE cl.course_id = e.course_id
) AS t
WHERE e.status <> 'cancelled' AND c.deleted_at IS NULL AND u.deleted_at IS NULL;
COMMENT ON VIEW dashboard_courses IS 'The courses of a student with the progress in each. Lessons that were taken out count on neither side and are no bookmark.';

CREATE VIEW player_lessons AS
SELECT e.id AS enrollment_id, e.user_id, cl.course_id, cl.section_id, cl.section_order, cl.section_title,
    cl.lesson_id, cl.lesson_order, cl.lesson_title, cl.kind, cl.duration_seconds,
    coalesce(lp.watched_seconds, 0) AS watched_seconds, lp.completed_at
FROM enrollments AS e
JOIN users AS u ON u.id = e.user_id
JOIN course_lessons AS cl ON cl.course_id = e.course_id
LEFT JOIN lesson_progress AS lp ON lp.enrollment_id = e.id AND lp.lesson_id = cl.lesson_id
WHERE e.status IN ('active', 'completed') AND u.deleted_at IS NULL;
COMMENT ON VIEW player_lessons IS 'Side bar of the player: every lesson of the course with what the student did in it. Pending and cancelled enrollments see nothing.';

CREATE VIEW player_assets AS
SELECT cl.course_id, cl.lesson_id, a.id AS asset_id, a.kind, a.title, a.object_key, a.content_sha256, a.media_type, a.byte_size
FROM course_lessons AS cl
JOIN lesson_assets AS a ON a.lesson_id = cl.lesson_id
WHERE a.deleted_at IS NULL;
COMMENT ON VIEW player_assets IS 'Files of live lessons; the application signs the link to object_key.';

CREATE VIEW instructor_courses AS
SELECT c.instructor_id, c.id AS course_id, c.slug, c.title, c.status, c.price, c.currency, c.seat_limit, c.seats_taken,
    c.enrollment_count, c.rating_count, round(c.rating_sum::numeric / nullif(c.rating_count, 0), 2) AS rating_average,
    100 - c.shared_revenue AS owner_share, c.updated_at
FROM courses AS c
JOIN users AS u ON u.id = c.instructor_id
WHERE c.deleted_at IS NULL AND u.deleted_at IS NULL;
COMMENT ON VIEW instructor_courses IS 'The desk of an instructor: own courses in every status.';

CREATE VIEW instructor_revenues AS
SELECT t.instructor_id, t.course_id, t.course_title, m.revenue_month, m.currency, m.sale_count, m.gross, m.refunded,
    m.gross - m.refunded AS net,
    -- Shares are rounded to cents; what rounding leaves over is the owner's, so the parts always sum to the whole.
    CASE WHEN t.share IS NOT NULL THEN round((m.gross - m.refunded) * t.share / 100, 2)
        ELSE (m.gross - m.refunded) - (
            SELECT coalesce(sum(round((m.gross - m.refunded) * ci.revenue_share / 100, 2)), 0)
            FROM course_instructors AS ci WHERE ci.course_id = t.course_id
        )
    END AS earned
FROM (
    SELECT c.instructor_id, c.id AS course_id, c.title AS course_title, NULL::numeric AS share
    FROM courses AS c WHERE c.deleted_at IS NULL
    UNION ALL
    SELECT ci.instructor_id, c.id, c.title, ci.revenue_share
    FROM course_instructors AS ci JOIN courses AS c ON c.id = ci.course_id WHERE c.deleted_at IS NULL
) AS t
JOIN users AS u ON u.id = t.instructor_id
CROSS JOIN LATERAL (
    SELECT date_trunc('month', p.purchased_at AT TIME ZONE 'UTC')::date AS revenue_month, p.currency,
        count(*) AS sale_count, sum(p.amount) AS gross, coalesce(sum(r.refunded), 0) AS refunded
    FROM purchases AS p
    LEFT JOIN LATERAL (SELECT sum(f.amount) AS refunded FROM refunds AS f WHERE f.purchase_id = p.id) AS r ON true
    WHERE p.course_id = t.course_id
    GROUP BY 1, 2
) AS m
WHERE u.deleted_at IS NULL;
COMMENT ON VIEW instructor_revenues IS 'Who earned how much per course, month (UTC) of the sale and currency, owners and co-instructors alike. Refunds count in the month of the sale. Deleted courses are not shown; payouts for them are settled from purchases.';

CREATE VIEW user_notifications AS
SELECT n.id, n.user_id, n.kind, n.message, n.created_at, n.read_at, c.slug AS course_slug
FROM notifications AS n
JOIN users AS u ON u.id = n.user_id
LEFT JOIN courses AS c ON c.id = n.course_id AND c.deleted_at IS NULL
WHERE u.deleted_at IS NULL;
COMMENT ON VIEW user_notifications IS 'The bell, with a link to the course while the course is live.';

CREATE VIEW certificate_checks AS
SELECT ct.code, ct.holder_name, ct.course_title, ct.issued_at
FROM certificates AS ct;
COMMENT ON VIEW certificate_checks IS 'What anybody may verify by code. Rests on the document alone, so it survives the course and the account.';

CREATE VIEW category_counts AS
SELECT g.id, g.parent_id, g.slug, g.title, g.sort_order,
    (
        SELECT count(*) FROM courses AS c JOIN users AS u ON u.id = c.instructor_id
        WHERE c.category_id = g.id AND c.status = 'published' AND c.deleted_at IS NULL AND u.deleted_at IS NULL
    ) AS course_count
FROM categories AS g;
COMMENT ON VIEW category_counts IS 'Navigation: categories with the number of courses directly in them.';

CREATE VIEW daily_sales AS
SELECT (p.purchased_at AT TIME ZONE 'UTC')::date AS sales_date, p.currency, count(*) AS sale_count,
    sum(p.list_price) AS list_price, sum(p.discount) AS discount, sum(p.amount) AS amount
FROM purchases AS p
GROUP BY 1, 2;
COMMENT ON VIEW daily_sales IS 'Sales per day (UTC) and currency, for analysts. Whole books: what was sold stays sold, whatever is deleted.';
