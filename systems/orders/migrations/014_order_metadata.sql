-- What a storefront wants to remember about an order and nobody else needs: campaign, device, gift note.
--
-- The one place where the shape of data is not the schema's. Columns were tried on paper: each shop wants others, they
-- come and go with campaigns, and no rule of ours depends on them. The price is that the database checks nothing inside,
-- and that no page of a shop can search it by index: the operators of jsonb are not leakproof, so under row level security
-- they are asked last. So it has an owner: the storefront team answers for the keys, writes them down in its own contract,
-- and the back office may show them but not decide by them. A key that a rule or a report comes to depend on becomes a
-- column.

-- A constant default is kept in the catalog since PostgreSQL 11: no row is written.
ALTER TABLE orders ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}';
ALTER TABLE orders ADD CONSTRAINT ck_orders_metadata CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 8192) NOT VALID;
COMMENT ON COLUMN orders.metadata IS 'Free notes of the storefront (campaign, device, gift_note), at most 8 kB. Owner: the storefront team. Nothing else may depend on a key: promote it to a column first.';

GRANT INSERT (metadata), UPDATE (metadata) ON orders TO orders_app;
