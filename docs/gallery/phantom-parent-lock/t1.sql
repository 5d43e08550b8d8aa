-- Lets member 3 join after locking the team, if it has fewer than three members.
BEGIN;
SELECT id FROM teams WHERE id = 1 FOR UPDATE;
SELECT count(*) < 3 AS is_room FROM members WHERE team_id = 1
\gset
\if :is_room
INSERT INTO members (id, team_id) VALUES (3, 1);
\endif
COMMIT;
