-- Takes doctor 1 off call after locking everyone who is on call.
BEGIN;
WITH on_call AS (
    SELECT id FROM doctors WHERE is_on_call ORDER BY id FOR UPDATE
)
SELECT count(*) >= 2 AS may_leave FROM on_call
\gset
\if :may_leave
UPDATE doctors SET is_on_call = false WHERE id = 1;
\endif
COMMIT;
