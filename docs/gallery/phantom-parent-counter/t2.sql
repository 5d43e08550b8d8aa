-- Lets member 4 join; takes the place in the counter of the team and looks whether there was one.
BEGIN;
WITH taken AS (
    UPDATE teams SET member_count = member_count + 1
    WHERE id = 1 AND member_count < max_members
    RETURNING id
)
SELECT count(*) AS is_taken FROM taken
\gset
\if :is_taken
INSERT INTO members (id, team_id) VALUES (4, 1);
\endif
COMMIT;
