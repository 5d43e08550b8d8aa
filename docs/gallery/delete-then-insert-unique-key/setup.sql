CREATE TABLE settings (id bigint PRIMARY KEY, user_id bigint NOT NULL UNIQUE, theme text NOT NULL);
INSERT INTO settings (id, user_id, theme) VALUES (1, 1, 'light');
