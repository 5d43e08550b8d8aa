-- Turns every black dot white.
BEGIN;
UPDATE dots SET colour = 'white' WHERE colour = 'black';
COMMIT;
