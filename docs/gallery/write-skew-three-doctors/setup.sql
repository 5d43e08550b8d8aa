CREATE TABLE doctors (id bigint PRIMARY KEY, is_on_call boolean NOT NULL);
INSERT INTO doctors (id, is_on_call) VALUES (1, true), (2, true), (3, true);
