-- Lets member 4 join if the team has fewer than three members.
BEGIN;
SELECT count(*) < 3 AS is_room FROM members WHERE team_id = 1
\gset
\if :is_room
INSERT INTO members (id, team_id) VALUES (4, 1);
\endif
COMMIT;
