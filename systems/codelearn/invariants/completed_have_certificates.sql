-- name: completed_have_certificates
-- Whoever completed a course has its certificate.
SELECT e.id
FROM enrollments AS e
LEFT JOIN certificates AS ct ON ct.enrollment_id = e.id
WHERE e.status = 'completed' AND ct.id IS NULL;
