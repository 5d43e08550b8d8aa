-- Counts a hit for every website.
BEGIN;
UPDATE websites SET hits = hits + 1;
COMMIT;
