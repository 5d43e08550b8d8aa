-- name: read_notifications
-- role: webapp
-- param: user_id bigint = (SELECT coalesce((SELECT s.user_id FROM summaries AS s WHERE s.unread_notification_count > 0 ORDER BY random() LIMIT 1), (SELECT max(u.id) FROM users AS u)))
--
-- Opens the bell: everything unread is read.
-- Locks: the notifications of one person in order, then that person's summary (by the trigger).
BEGIN;

WITH unread AS (
    SELECT n.id FROM notifications AS n WHERE n.user_id = :user_id AND n.read_at IS NULL ORDER BY n.id FOR UPDATE
)
UPDATE notifications AS n SET read_at = now() FROM unread WHERE n.id = unread.id;

COMMIT;
