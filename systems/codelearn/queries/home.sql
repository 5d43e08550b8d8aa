-- The home page: shop window, navigation, the ten most popular courses.

-- name: home_features
-- rate: 100/s
-- budget: 20 ms
SELECT h.place, h.slug, h.title, h.subtitle, h.price, h.currency, h.seats_left, h.rating_average, h.instructor_name
FROM home_features AS h
ORDER BY h.place;

-- name: home_top_courses
-- rate: 400/s
-- budget: 20 ms, no-seq-scan(courses), no-seq-scan(enrollments)
SELECT p.slug, p.title, p.subtitle, p.price, p.currency, p.seats_left, p.enrollment_count, p.rating_count, p.rating_average, p.instructor_name
FROM published_courses AS p
ORDER BY p.enrollment_count DESC, p.id DESC
LIMIT 10;

-- name: navigation
-- allow: plan-grows because it counts the published courses of every category, and a marketplace has hundreds
-- rate: 100/s
-- budget: 50 ms, no-seq-scan(enrollments)
SELECT c.id, c.parent_id, c.slug, c.title, c.course_count
FROM category_counts AS c
ORDER BY c.parent_id NULLS FIRST, c.sort_order, c.title;
