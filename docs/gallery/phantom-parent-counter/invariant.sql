-- No team has more members than it may have, and its counter is their number.
SELECT t.id, t.max_members, t.member_count, count(m.id) AS members
FROM teams AS t
LEFT JOIN members AS m ON m.team_id = t.id
GROUP BY t.id
HAVING count(m.id) > t.max_members OR count(m.id) <> t.member_count;
