-- Takes doctor 1 off call after writing to the row of the ward.
BEGIN;
UPDATE wards SET revision = revision + 1 WHERE id = 1;
SELECT count(*) >= 2 AS may_leave FROM doctors WHERE is_on_call
\gset
\if :may_leave
UPDATE doctors SET is_on_call = false WHERE id = 1;
\endif
COMMIT;
