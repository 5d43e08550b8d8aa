CREATE TABLE products (id bigint PRIMARY KEY, price numeric NOT NULL, weight numeric NOT NULL);
CREATE TABLE changes (id bigint PRIMARY KEY, new_price numeric, new_weight numeric);
INSERT INTO products (id, price, weight) VALUES (1, 100, 5);
