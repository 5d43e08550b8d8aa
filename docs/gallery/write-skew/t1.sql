-- Takes doctor 1 off call if another one is on call.
BEGIN;
SELECT count(*) >= 2 AS may_leave FROM doctors WHERE is_on_call
\gset
\if :may_leave
UPDATE doctors SET is_on_call = false WHERE id = 1;
\endif
COMMIT;
