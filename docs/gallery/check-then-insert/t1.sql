-- Signs a visitor up as user 1 if nobody has the address yet.
BEGIN;
SELECT count(*) = 0 AS is_free FROM users WHERE email = 'ann@example.com'
\gset
\if :is_free
INSERT INTO users (id, email) VALUES (1, 'ann@example.com');
\endif
COMMIT;
