-- What a student sees: login, dashboard, player, bell.

-- name: login
-- param: email text = 'ADA.LIND@example.com'
-- rate: 20/s
-- budget: 10 ms
SELECT f.user_id, f.password_hash, f.locked_until
FROM find_credential($1) AS f;

-- name: dashboard
-- param: user_id bigint = (SELECT user_id FROM enrollments GROUP BY user_id ORDER BY count(*) DESC, user_id LIMIT 1)
-- rate: 250/s
-- budget: 10 ms, no-seq-scan(enrollments), no-seq-scan(summaries)
SELECT d.display_name, d.active_enrollment_count, d.completed_enrollment_count, d.completed_lesson_count, d.certificate_count, d.unread_notification_count
FROM dashboards AS d
WHERE d.user_id = $1;

-- name: dashboard_courses
-- param: user_id bigint = (SELECT user_id FROM enrollments GROUP BY user_id ORDER BY count(*) DESC, user_id LIMIT 1)
-- rate: 150/s
-- budget: 50 ms, no-seq-scan(enrollments), no-seq-scan(lesson_progress)
SELECT d.enrollment_id, d.slug, d.title, d.status, d.completed_lesson_count, d.lesson_count, d.last_lesson_id, d.updated_at
FROM dashboard_courses AS d
WHERE d.user_id = $1
ORDER BY d.updated_at DESC, d.enrollment_id DESC;

-- name: player
-- param: user_id bigint = (SELECT user_id FROM enrollments WHERE status = 'active' ORDER BY id DESC LIMIT 1)
-- param: course_id bigint = (SELECT course_id FROM enrollments WHERE status = 'active' ORDER BY id DESC LIMIT 1)
-- rate: 300/s
-- budget: 20 ms, no-seq-scan(enrollments), no-seq-scan(lesson_progress)
SELECT p.enrollment_id, p.section_title, p.lesson_id, p.lesson_title, p.kind, p.duration_seconds, p.watched_seconds, p.completed_at
FROM player_lessons AS p
WHERE p.user_id = $1 AND p.course_id = $2
ORDER BY p.section_order, p.lesson_order;

-- name: player_assets
-- param: lesson_id bigint = (SELECT lesson_id FROM lesson_assets ORDER BY id DESC LIMIT 1)
-- rate: 300/s
-- budget: 10 ms
SELECT a.asset_id, a.kind, a.title, a.object_key, a.content_sha256, a.media_type, a.byte_size
FROM player_assets AS a
WHERE a.lesson_id = $1
ORDER BY a.asset_id;

-- name: notifications
-- param: user_id bigint = (SELECT user_id FROM notifications GROUP BY user_id ORDER BY count(*) DESC, user_id LIMIT 1)
-- rate: 200/s
-- budget: 10 ms, no-seq-scan(notifications)
SELECT n.id, n.kind, n.message, n.course_slug, n.created_at, n.read_at
FROM user_notifications AS n
WHERE n.user_id = $1
ORDER BY n.created_at DESC, n.id DESC
LIMIT 20;
