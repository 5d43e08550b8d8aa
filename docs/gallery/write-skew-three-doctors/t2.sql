-- Doctor 2 goes off call if somebody else stays.
BEGIN;
SELECT count(*) > 1 AS is_covered FROM doctors WHERE is_on_call
\gset
\if :is_covered
UPDATE doctors SET is_on_call = false WHERE id = 2;
\endif
COMMIT;
