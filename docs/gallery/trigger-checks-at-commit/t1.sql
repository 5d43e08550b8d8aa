-- Takes doctor 1 off call and leaves the check to a trigger at COMMIT.
BEGIN;
UPDATE doctors SET is_on_call = false WHERE id = 1;
COMMIT;
