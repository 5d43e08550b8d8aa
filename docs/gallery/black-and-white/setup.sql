CREATE TABLE dots (id bigint PRIMARY KEY, colour text NOT NULL);
INSERT INTO dots (id, colour) VALUES (1, 'black'), (2, 'white');
