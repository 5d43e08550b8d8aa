CREATE TABLE items (id bigint PRIMARY KEY, list_id bigint NOT NULL, place integer NOT NULL, UNIQUE (list_id, place) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO items (id, list_id, place) VALUES (1, 1, 1);
