-- Signs a visitor up as user 2 and grants the welcome credit.
BEGIN;
INSERT INTO users (id, email) VALUES (2, 'ann@example.com');
INSERT INTO credits (user_id, amount) VALUES (2, 10);
COMMIT;
