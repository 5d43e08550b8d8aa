-- Worker 1 takes the first job that is ready, in one statement.
BEGIN;
WITH taken AS (
    UPDATE jobs SET state = 'running'
    WHERE id = (SELECT id FROM jobs WHERE state = 'ready' ORDER BY id LIMIT 1)
    RETURNING id
)
INSERT INTO runs (worker_id, job_id) SELECT 1, id FROM taken;
COMMIT;
