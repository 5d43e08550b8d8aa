CREATE TABLE reservations (id bigint PRIMARY KEY, seat integer NOT NULL);
INSERT INTO reservations (id, seat) VALUES (1, 11);
