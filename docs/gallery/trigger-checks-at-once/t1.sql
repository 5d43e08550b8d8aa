-- Takes doctor 1 off call and leaves the check to a trigger at once.
BEGIN;
UPDATE doctors SET is_on_call = false WHERE id = 1;
COMMIT;
