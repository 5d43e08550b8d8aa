-- No job is run by two workers.
SELECT job_id, count(*) AS workers FROM runs GROUP BY job_id HAVING count(*) > 1;
