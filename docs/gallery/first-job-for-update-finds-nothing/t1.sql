-- Worker 1 locks the first job that is ready, chosen by a subquery, and writes down 0 when there is none.
BEGIN;
WITH job AS (
    SELECT id FROM jobs WHERE id = (SELECT min(id) FROM jobs WHERE state = 'ready') AND state = 'ready' FOR UPDATE
)
SELECT coalesce(max(id), 0) AS job_id FROM job
\gset
INSERT INTO runs (worker_id, job_id) VALUES (1, :job_id);
UPDATE jobs SET state = 'running' WHERE id = :job_id;
COMMIT;
