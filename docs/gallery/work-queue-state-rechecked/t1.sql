-- Worker 1 takes the first job that is ready, and only if it still is.
BEGIN;
WITH taken AS (
    UPDATE jobs SET state = 'running'
    WHERE id = (SELECT id FROM jobs WHERE state = 'ready' ORDER BY id LIMIT 1) AND state = 'ready'
    RETURNING id
)
INSERT INTO runs (worker_id, job_id) SELECT 1, id FROM taken;
COMMIT;
