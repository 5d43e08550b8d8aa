-- expects: nothing
-- == setup
CREATE SCHEMA shop;
CREATE TABLE shop.products (id bigint PRIMARY KEY, name text);
-- == migration
DROP SCHEMA shop CASCADE;
