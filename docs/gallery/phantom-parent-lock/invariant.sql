-- No team has more members than it may have.
SELECT t.id, t.max_members, count(*) AS members
FROM teams AS t
JOIN members AS m ON m.team_id = t.id
GROUP BY t.id
HAVING count(*) > t.max_members;
