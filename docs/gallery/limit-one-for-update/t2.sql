-- Worker 2 locks the first job that is ready, and writes down 0 when there is none.
BEGIN;
WITH job AS (
    SELECT id FROM jobs WHERE state = 'ready' ORDER BY id LIMIT 1 FOR UPDATE
)
SELECT coalesce(max(id), 0) AS job_id FROM job
\gset
INSERT INTO runs (worker_id, job_id) VALUES (2, :job_id);
UPDATE jobs SET state = 'running' WHERE id = :job_id;
COMMIT;
