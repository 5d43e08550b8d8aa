-- The course page, and the check of a certificate.

-- name: course_page
-- param: slug text = (SELECT slug FROM published_courses ORDER BY enrollment_count DESC LIMIT 1)
-- rate: 300/s
-- budget: 20 ms, no-seq-scan(enrollments)
SELECT p.id, p.title, p.subtitle, p.description, p.price, p.currency, p.seats_left, p.enrollment_count, p.rating_count, p.rating_average,
    p.instructor_slug, p.instructor_name, p.instructor_headline, p.category_title, p.lesson_count, p.duration_seconds, p.tags, p.co_instructors
FROM course_pages AS p
WHERE p.slug = $1;

-- name: course_curriculum
-- param: course_id bigint = (SELECT id FROM published_courses ORDER BY enrollment_count DESC LIMIT 1)
-- rate: 300/s
-- budget: 20 ms, no-seq-scan(enrollments)
SELECT cl.section_title, cl.lesson_id, cl.lesson_title, cl.kind, cl.duration_seconds, cl.is_preview
FROM course_lessons AS cl
WHERE cl.course_id = $1
ORDER BY cl.section_order, cl.lesson_order;

-- name: course_reviews_first_page
-- param: course_id bigint = (SELECT id FROM published_courses ORDER BY enrollment_count DESC LIMIT 1)
-- rate: 200/s
-- budget: 20 ms, no-seq-scan(reviews)
SELECT r.id, r.rating, r.body, r.created_at, r.reviewer_name
FROM course_reviews AS r
WHERE r.course_id = $1
ORDER BY r.created_at DESC, r.id DESC
LIMIT 10;

-- name: course_reviews_next_page
-- allow: plan-generic-worse because the generic plan reads the reviews of one course, a few hundred buffers at most
-- param: course_id bigint = (SELECT id FROM published_courses ORDER BY enrollment_count DESC LIMIT 1)
-- param: created_at timestamptz = '2025-06-01 UTC'
-- param: id bigint = 9223372036854775807
-- rate: 30/s
-- budget: 20 ms, no-seq-scan(reviews)
SELECT r.id, r.rating, r.body, r.created_at, r.reviewer_name
FROM course_reviews AS r
WHERE r.course_id = $1 AND (r.created_at, r.id) < ($2, $3)
ORDER BY r.created_at DESC, r.id DESC
LIMIT 10;

-- name: certificate_check
-- param: code text = (SELECT code FROM certificates ORDER BY id DESC LIMIT 1)
-- rate: 10/s
-- budget: 10 ms, no-seq-scan(certificates)
SELECT c.code, c.holder_name, c.course_title, c.issued_at
FROM certificate_checks AS c
WHERE c.code = $1;
