-- name: certificates_for_completed
-- A certificate belongs to a completed enrollment.
SELECT ct.id, e.status
FROM certificates AS ct
JOIN enrollments AS e ON e.id = ct.enrollment_id
WHERE e.status <> 'completed';
