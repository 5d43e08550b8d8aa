-- Signs a visitor up as user 1 and grants the welcome credit.
BEGIN;
INSERT INTO users (id, email) VALUES (1, 'ann@example.com');
INSERT INTO credits (user_id, amount) VALUES (1, 10);
COMMIT;
