-- name: register_user
-- role: webapp
-- param: email text = 'new-' || gen_random_uuid() || '@example.com'
-- param: slug text = 'new-' || gen_random_uuid()
-- param: display_name text = 'Robin Doe'
-- param: password_hash text = '$2b$12$' || repeat('abcdefghij', 5) || 'klm'
--
-- A new account with the role student. The address or the handle may be taken: then nothing is written.
-- Locks: none that anybody else could want.
BEGIN;

WITH registered AS (
    INSERT INTO users (email, slug, display_name)
    VALUES (:email, :slug, :display_name)
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT count(*) AS is_registered, coalesce(max(registered.id), 0) AS user_id FROM registered \gset

\if :is_registered
INSERT INTO students (user_id) VALUES (:user_id);
SELECT set_password_hash(:user_id, :password_hash);

INSERT INTO notifications (user_id, kind, message) VALUES (:user_id, 'welcome', 'Welcome to CodeLearn');

INSERT INTO outbox_events (topic, payload)
VALUES ('user.registered', jsonb_build_object('user_id', :user_id::bigint));
\endif

COMMIT;
