-- Worker 2 takes the first job that is ready and that nobody has locked.
BEGIN;
WITH taken AS (
    UPDATE jobs SET state = 'running'
    WHERE id = (SELECT id FROM jobs WHERE state = 'ready' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id
)
INSERT INTO runs (worker_id, job_id) SELECT 2, id FROM taken;
COMMIT;
