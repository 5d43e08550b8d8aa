-- No job is run by two workers, and no worker finds nothing (job 0) while a job is ready.
SELECT job_id, count(*) AS workers
FROM runs
GROUP BY job_id
HAVING CASE WHEN job_id = 0 THEN EXISTS (SELECT FROM jobs WHERE state = 'ready') ELSE count(*) > 1 END;
