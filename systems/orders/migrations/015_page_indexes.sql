-- no-transaction
-- Proves what 007, 010, 013 and 014 left unproven, and builds the indexes of the queries while the shops are open. CONCURRENTLY
-- cannot run in a transaction and may be interrupted; IF NOT EXISTS lets the file run again (an invalid leftover is
-- reported, drop it first).

ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_captured_minor;
ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_cancelled_unpaid;
ALTER TABLE order_lines VALIDATE CONSTRAINT ck_order_lines_shipped_quantity;
ALTER TABLE accounts VALIDATE CONSTRAINT fk_accounts_customer_id;
ALTER TABLE ledger_transactions VALIDATE CONSTRAINT ck_ledger_transactions_kind;
ALTER TABLE payments VALIDATE CONSTRAINT ck_payments_method;
ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_metadata;

-- Back office: newest orders first, in keyset order.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_orders_created_at ON orders (tenant_id, created_at DESC, id DESC);

-- Packing: what is placed and not shipped, oldest first. A few percent of the table.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_orders_placed ON orders (tenant_id, created_at) WHERE status = 'placed';

-- Analyst: the orders of a campaign. Only orders that name one are in it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_orders_campaign ON orders (tenant_id, (metadata ->> 'campaign')) WHERE metadata ? 'campaign';

-- Back office: a customer found by the beginning of the family name. Collation "C", so that a beginning is a range.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_customers_family_name ON customers (tenant_id, family_name COLLATE "C");

-- Journal of a shop, newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_ledger_transactions_created_at ON ledger_transactions (tenant_id, created_at DESC, id DESC);

-- Parcels on their way.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_shipments_on_the_way ON shipments (tenant_id, created_at) WHERE delivered_at IS NULL;
