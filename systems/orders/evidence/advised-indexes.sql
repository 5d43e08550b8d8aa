-- no-transaction
-- Indexes that `underpin prove indexes` built and measured, best first. Copy what you want into migrations/.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "product_prices_tenant_id_product_id_currency_idx" ON "public"."product_prices" USING btree ("tenant_id", "product_id", "currency") INCLUDE ("id", "price_minor", "valid_during", "created_at");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "orders_created_at_idx" ON "public"."orders" USING btree ("created_at") INCLUDE ("currency", "tenant_id", "total_minor");
