-- The catalogue and the search. Pages are keyset pages: the last row of one page is the parameter of the next, so page
-- 500 costs what page 1 costs, and no course is shown twice while counts change.

-- name: top_courses
-- allow: plan-grows because a branch without courses walks all of them, and a marketplace has hundreds
-- param: category_id bigint = (SELECT id FROM categories WHERE slug = 'programming')
-- rate: 200/s
-- budget: 50 ms, no-seq-scan(enrollments)
WITH RECURSIVE branch AS (
    SELECT g.id FROM categories AS g WHERE g.id = $1
    UNION ALL
    SELECT g.id FROM categories AS g JOIN branch AS b ON g.parent_id = b.id
)
SELECT p.slug, p.title, p.price, p.currency, p.enrollment_count, p.rating_average, p.category_title
FROM published_courses AS p
WHERE p.category_id IN (SELECT b.id FROM branch AS b)
ORDER BY p.enrollment_count DESC, p.id DESC
LIMIT 10;

-- name: catalogue_first_page
-- rate: 150/s
-- budget: 20 ms
SELECT p.id, p.slug, p.title, p.subtitle, p.price, p.currency, p.difficulty, p.seats_left, p.enrollment_count, p.rating_average, p.instructor_name
FROM published_courses AS p
ORDER BY p.enrollment_count DESC, p.id DESC
LIMIT 24;

-- name: catalogue_next_page
-- param: enrollment_count integer = (SELECT enrollment_count FROM published_courses ORDER BY enrollment_count DESC, id DESC OFFSET 2 LIMIT 1)
-- param: id bigint = (SELECT id FROM published_courses ORDER BY enrollment_count DESC, id DESC OFFSET 2 LIMIT 1)
-- rate: 60/s
-- budget: 20 ms
SELECT p.id, p.slug, p.title, p.subtitle, p.price, p.currency, p.difficulty, p.seats_left, p.enrollment_count, p.rating_average, p.instructor_name
FROM published_courses AS p
WHERE (p.enrollment_count, p.id) < ($1, $2)
ORDER BY p.enrollment_count DESC, p.id DESC
LIMIT 24;

-- A filter that is not set is NULL.
-- name: catalogue_filtered
-- allow: plan-grows because a filter that no course meets looks at every course, and a marketplace has hundreds
-- param: language_code text = 'en'
-- param: difficulty text = 'beginner'
-- param: max_price numeric = 100
-- param: min_rating numeric = 3
-- param: tag_slug text = 'sql'
-- rate: 80/s
-- budget: 50 ms, no-seq-scan(enrollments)
SELECT p.id, p.slug, p.title, p.price, p.currency, p.difficulty, p.enrollment_count, p.rating_average
FROM published_courses AS p
WHERE ($1::text IS NULL OR p.language_code = $1)
    AND ($2::text IS NULL OR p.difficulty = $2)
    AND ($3::numeric IS NULL OR p.price <= $3)
    AND ($4::numeric IS NULL OR p.rating_average >= $4)
    AND ($5::text IS NULL OR EXISTS (
        SELECT FROM course_tags AS ct JOIN tags AS t ON t.id = ct.tag_id WHERE ct.course_id = p.id AND t.slug = $5
    ))
ORDER BY p.enrollment_count DESC, p.id DESC
LIMIT 24;

-- websearch_to_tsquery takes whatever people type and never fails. Rank first, popularity among equals.
-- name: search_courses
-- param: words text = 'rust exercises'
-- rate: 120/s
-- budget: 50 ms, no-seq-scan(enrollments)
SELECT p.id, p.slug, p.title, p.subtitle, p.price, p.currency, p.rating_average, p.enrollment_count,
    ts_rank_cd(p.search_vector, websearch_to_tsquery('english', $1)) AS relevance
FROM published_courses AS p
WHERE p.search_vector @@ websearch_to_tsquery('english', $1)
ORDER BY relevance DESC, p.enrollment_count DESC, p.id DESC
LIMIT 20;
