-- There is always one website with ten hits, so a cleanup that was recorded leaves one of the two.
SELECT c.id, (SELECT count(*) FROM websites) AS websites
FROM cleanups AS c
WHERE (SELECT count(*) FROM websites) <> 1;
