CREATE TABLE controls (id bigint PRIMARY KEY, batch_id bigint NOT NULL);
CREATE TABLE receipts (id bigint PRIMARY KEY, batch_id bigint NOT NULL, amount numeric NOT NULL);
CREATE TABLE reports (batch_id bigint PRIMARY KEY, total numeric NOT NULL);
INSERT INTO controls (id, batch_id) VALUES (1, 1);
INSERT INTO receipts (id, batch_id, amount) VALUES (1, 1, 100);
