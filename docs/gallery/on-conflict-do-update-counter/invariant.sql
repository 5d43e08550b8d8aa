-- The counter of a page is the number of its visits.
SELECT v.page_id, count(*) AS visits, max(c.visits) AS counted
FROM visits AS v
LEFT JOIN page_counters AS c ON c.page_id = v.page_id
GROUP BY v.page_id
HAVING count(*) IS DISTINCT FROM max(c.visits);
