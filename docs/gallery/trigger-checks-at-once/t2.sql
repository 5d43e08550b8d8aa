-- Takes doctor 2 off call and leaves the check to a trigger at once.
BEGIN;
UPDATE doctors SET is_on_call = false WHERE id = 2;
COMMIT;
