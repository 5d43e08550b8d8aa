CREATE TABLE uploads (id bigint PRIMARY KEY, user_id bigint NOT NULL, megabytes integer NOT NULL);
INSERT INTO uploads (id, user_id, megabytes) VALUES (1, 1, 30);
