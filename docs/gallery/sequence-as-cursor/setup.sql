CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, topic text NOT NULL);
CREATE TABLE deliveries (event_id bigint PRIMARY KEY);
CREATE TABLE consumers (id bigint PRIMARY KEY, last_event_id bigint NOT NULL);
INSERT INTO consumers (id, last_event_id) VALUES (1, 0);
