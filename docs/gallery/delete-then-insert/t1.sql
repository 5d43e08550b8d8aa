-- Saves the theme dark; deletes the old setting and inserts the new one.
BEGIN;
DELETE FROM settings WHERE user_id = 1;
INSERT INTO settings (id, user_id, theme) VALUES (2, 1, 'dark');
COMMIT;
