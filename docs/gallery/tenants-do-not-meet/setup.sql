CREATE TABLE counters (tenant_id bigint PRIMARY KEY, orders integer NOT NULL);
CREATE TABLE orders (id bigint PRIMARY KEY, tenant_id bigint NOT NULL REFERENCES counters (tenant_id));
INSERT INTO counters (tenant_id, orders) VALUES (1, 0), (2, 0), (3, 0);
