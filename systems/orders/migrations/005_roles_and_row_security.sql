-- The second shop signs up: from here on every table says which rows a session may touch, and who may do what.
--
-- How it works. The application sets app.tenant_id at the start of each transaction (SET LOCAL, or set_config with true).
-- The policy tenant_isolation compares it with the row. Without the setting the comparison is with NULL: no row, not all
-- rows. NULLIF is there because the setting is '' and not NULL once a session has used it. The SELECT around it makes the
-- planner read the setting once per statement instead of once per row.
--
-- FORCE makes the owner subject to policies as well. What the owner may do is thereby a policy that one can read, narrow
-- or drop (owner_maintenance: migrations, backfills, and the triggers that keep totals), not a silent exemption.
--
-- Who: orders_app is the application; it owns nothing. orders_worker delivers events of all tenants and sees nothing else
-- (011). orders_analyst counts over all tenants and sees no person: its rights leave out names and addresses.
-- Rights are given per column where it matters: no role may write what a trigger keeps.

GRANT USAGE ON SCHEMA public TO orders_app, orders_worker, orders_analyst;

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON tenants TO orders_app
    USING (id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::bigint));
CREATE POLICY owner_maintenance ON tenants TO orders_owner USING (true);
CREATE POLICY analyst_reading ON tenants FOR SELECT TO orders_analyst USING (true);

ALTER TABLE users ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON users TO orders_app
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::bigint));
CREATE POLICY owner_maintenance ON users TO orders_owner USING (true);

ALTER TABLE products ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON products TO orders_app
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::bigint));
CREATE POLICY owner_maintenance ON products TO orders_owner USING (true);
CREATE POLICY analyst_reading ON products FOR SELECT TO orders_analyst USING (true);

ALTER TABLE product_prices ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON product_prices TO orders_app
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::bigint));
CREATE POLICY owner_maintenance ON product_prices TO orders_owner USING (true);
CREATE POLICY analyst_reading ON product_prices FOR SELECT TO orders_analyst USING (true);

ALTER TABLE customers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON customers TO orders_app
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::bigint));
CREATE POLICY owner_maintenance ON customers TO orders_owner USING (true);
CREATE POLICY analyst_reading ON customers FOR SELECT TO orders_analyst USING (true);

ALTER TABLE orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON orders TO orders_app
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::bigint));
CREATE POLICY owner_maintenance ON orders TO orders_owner USING (true);
CREATE POLICY analyst_reading ON orders FOR SELECT TO orders_analyst USING (true);

ALTER TABLE order_lines ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON order_lines TO orders_app
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::bigint));
CREATE POLICY owner_maintenance ON order_lines TO orders_owner USING (true);
CREATE POLICY analyst_reading ON order_lines FOR SELECT TO orders_analyst USING (true);

ALTER TABLE stock_movements ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON stock_movements TO orders_app
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::bigint));
CREATE POLICY owner_maintenance ON stock_movements TO orders_owner USING (true);
CREATE POLICY analyst_reading ON stock_movements FOR SELECT TO orders_analyst USING (true);

ALTER TABLE stock_levels ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON stock_levels TO orders_app
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::bigint));
CREATE POLICY owner_maintenance ON stock_levels TO orders_owner USING (true);
CREATE POLICY analyst_reading ON stock_levels FOR SELECT TO orders_analyst USING (true);

-- orders_app
GRANT SELECT ON currencies, tenants, users, products, product_prices, customers, orders, order_lines, stock_movements, stock_levels TO orders_app;
GRANT UPDATE (title, currency) ON tenants TO orders_app;
GRANT INSERT (tenant_id, email, display_name, duty), UPDATE (email, display_name, duty, left_at) ON users TO orders_app;
GRANT INSERT (tenant_id, sku, title, description), UPDATE (sku, title, description, archived_at) ON products TO orders_app;
GRANT INSERT (tenant_id, product_id, currency, price_minor, valid_during), UPDATE (valid_during) ON product_prices TO orders_app;
GRANT INSERT (tenant_id, email, full_name, phone), UPDATE (email, full_name, phone) ON customers TO orders_app;
GRANT INSERT (tenant_id, customer_id, currency, idempotency_key), UPDATE (status, cancelled_at) ON orders TO orders_app;
GRANT INSERT (tenant_id, order_id, line_no, product_id, quantity, unit_price_cents), UPDATE (quantity, unit_price_cents) ON order_lines TO orders_app;
GRANT INSERT (tenant_id, product_id, reason, quantity, order_id, line_no) ON stock_movements TO orders_app;
-- Locking a row with FOR UPDATE needs UPDATE on some column. Of levels that is the one without a meaning: the quantity is
-- the triggers' alone.
GRANT UPDATE (updated_at) ON stock_levels TO orders_app;

-- orders_analyst: numbers of all tenants, no names, no addresses
GRANT SELECT ON currencies, tenants, products, product_prices, orders, order_lines, stock_movements, stock_levels TO orders_analyst;
GRANT SELECT (tenant_id, id, created_at, updated_at) ON customers TO orders_analyst;
