-- name: user_summaries
-- recount: summaries.active_enrollment_count, summaries.completed_enrollment_count, summaries.completed_lesson_count, summaries.certificate_count, summaries.review_count, summaries.unread_notification_count
-- Every user has exactly one summary, and each of its numbers equals a count of the rows it stands for.
SELECT coalesce(s.user_id, r.user_id) AS user_id, s AS summary, r AS recount
FROM summaries AS s
FULL JOIN (
    SELECT u.id AS user_id,
        coalesce(e.active, 0) AS active, coalesce(e.completed, 0) AS completed,
        coalesce(lp.lessons, 0) AS lessons, coalesce(ct.certificates, 0) AS certificates,
        coalesce(v.reviews, 0) AS reviews, coalesce(n.unread, 0) AS unread
    FROM users AS u
    LEFT JOIN (
        SELECT user_id, count(*) FILTER (WHERE status = 'active') AS active, count(*) FILTER (WHERE status = 'completed') AS completed
        FROM enrollments GROUP BY user_id
    ) AS e ON e.user_id = u.id
    LEFT JOIN (
        SELECT x.user_id, count(*) AS lessons
        FROM lesson_progress AS p JOIN enrollments AS x ON x.id = p.enrollment_id
        WHERE p.completed_at IS NOT NULL GROUP BY x.user_id
    ) AS lp ON lp.user_id = u.id
    LEFT JOIN (
        SELECT x.user_id, count(*) AS certificates
        FROM certificates AS c JOIN enrollments AS x ON x.id = c.enrollment_id GROUP BY x.user_id
    ) AS ct ON ct.user_id = u.id
    LEFT JOIN (
        SELECT user_id, count(*) AS reviews FROM reviews WHERE deleted_at IS NULL GROUP BY user_id
    ) AS v ON v.user_id = u.id
    LEFT JOIN (
        SELECT user_id, count(*) AS unread FROM notifications WHERE read_at IS NULL GROUP BY user_id
    ) AS n ON n.user_id = u.id
) AS r ON r.user_id = s.user_id
WHERE (s.user_id, s.active_enrollment_count, s.completed_enrollment_count, s.completed_lesson_count, s.certificate_count,
        s.review_count, s.unread_notification_count)
    IS DISTINCT FROM (r.user_id, r.active, r.completed, r.lessons, r.certificates, r.reviews, r.unread);
