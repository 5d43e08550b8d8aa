-- no-transaction
-- Indexes that `underpin prove indexes` built and measured, best first. Copy what you want into migrations/.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "ledger_transactions_tenant_id_id_idx" ON "public"."ledger_transactions" USING btree ("tenant_id", "id") INCLUDE ("kind", "order_id", "created_at");
