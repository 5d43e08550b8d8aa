CREATE TABLE websites (id bigint PRIMARY KEY, hits integer NOT NULL);
CREATE TABLE cleanups (id bigint PRIMARY KEY);
INSERT INTO websites (id, hits) VALUES (1, 9), (2, 10);
