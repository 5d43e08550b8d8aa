-- Loads the price list anew.
BEGIN;
TRUNCATE prices;
INSERT INTO prices (id, amount) VALUES (1, 12);
COMMIT;
