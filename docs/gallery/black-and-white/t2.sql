-- Turns every white dot black.
BEGIN;
UPDATE dots SET colour = 'black' WHERE colour = 'white';
COMMIT;
