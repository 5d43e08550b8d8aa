-- expects: long-row-locks
-- == setup
CREATE TABLE tenants (id int PRIMARY KEY);
INSERT INTO tenants VALUES (1), (2);
CREATE TABLE members (id bigint PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants ON DELETE CASCADE);
INSERT INTO members SELECT n, n % 2 + 1 FROM generate_series(1, :rows) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON tenants, members TO app;
-- == migration
DELETE FROM tenants WHERE id = 1;
