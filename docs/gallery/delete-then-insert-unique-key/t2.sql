-- Saves the theme blue; deletes the old setting and inserts the new one.
BEGIN;
DELETE FROM settings WHERE user_id = 1;
INSERT INTO settings (id, user_id, theme) VALUES (3, 1, 'blue');
COMMIT;
