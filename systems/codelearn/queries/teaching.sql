-- What an instructor sees.

-- name: instructor_page
-- param: slug text = 'ada-lind'
-- rate: 40/s
-- budget: 10 ms
SELECT i.user_id, i.display_name, i.headline, i.biography
FROM instructor_profiles AS i
WHERE i.slug = $1;

-- name: instructor_courses
-- param: instructor_id bigint = (SELECT instructor_id FROM courses WHERE deleted_at IS NULL ORDER BY enrollment_count DESC LIMIT 1)
-- rate: 20/s
-- budget: 20 ms, no-seq-scan(enrollments)
SELECT c.course_id, c.slug, c.title, c.status, c.price, c.currency, c.enrollment_count, c.seats_taken, c.seat_limit, c.rating_count, c.rating_average, c.owner_share
FROM instructor_courses AS c
WHERE c.instructor_id = $1
ORDER BY c.updated_at DESC, c.course_id DESC;

-- name: instructor_revenue
-- param: instructor_id bigint = (SELECT instructor_id FROM courses WHERE deleted_at IS NULL ORDER BY enrollment_count DESC LIMIT 1)
-- rate: 5/s
-- budget: 500 ms, no-seq-scan(enrollments)
SELECT r.revenue_month, r.course_title, r.currency, r.sale_count, r.gross, r.refunded, r.net, r.earned
FROM instructor_revenues AS r
WHERE r.instructor_id = $1
ORDER BY r.revenue_month DESC, r.course_title, r.course_id, r.currency;

-- name: recent_students
-- param: course_id bigint = (SELECT id FROM published_courses ORDER BY enrollment_count DESC LIMIT 1)
-- rate: 10/s
-- budget: 20 ms, no-seq-scan(enrollments)
SELECT d.enrollment_id, u.display_name, d.status, d.created_at, d.completed_lesson_count, d.lesson_count
FROM dashboard_courses AS d
JOIN user_profiles AS u ON u.id = d.user_id
WHERE d.course_id = $1
ORDER BY d.created_at DESC
LIMIT 20;
