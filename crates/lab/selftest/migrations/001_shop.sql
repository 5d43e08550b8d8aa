-- A shop in four tables: small enough to build in a second, rich enough to break in many ways.
CREATE TABLE customers (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT customers_pkey PRIMARY KEY,
    email      text        NOT NULL CONSTRAINT customers_email_check CHECK (email LIKE '%_@_%'),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT customers_email_key UNIQUE (email)
);
CREATE TABLE products (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT products_pkey PRIMARY KEY,
    slug        text    NOT NULL CONSTRAINT products_slug_check CHECK (slug ~ '^[a-z0-9-]{1,80}$'),
    stock       integer NOT NULL CONSTRAINT products_stock_check CHECK (stock >= 0),
    order_count integer NOT NULL DEFAULT 0 CONSTRAINT products_order_count_check CHECK (order_count >= 0),
    deleted_at  timestamptz
);
CREATE UNIQUE INDEX products_slug_live_key ON products (slug) WHERE deleted_at IS NULL;
CREATE INDEX products_words_idx ON products USING gin (to_tsvector('simple', replace(slug, '-', ' ')));
COMMENT ON COLUMN products.order_count IS 'Denormalised: orders of this product, kept by orders_count.';
CREATE TABLE orders (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT orders_pkey PRIMARY KEY,
    customer_id bigint      NOT NULL CONSTRAINT orders_customer_id_fkey REFERENCES customers (id) ON DELETE RESTRICT,
    product_id  bigint      NOT NULL CONSTRAINT orders_product_id_fkey REFERENCES products (id) ON DELETE CASCADE,
    quantity    integer     NOT NULL CONSTRAINT orders_quantity_check CHECK (quantity > 0),
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_customer_id_idx ON orders (customer_id);
CREATE INDEX orders_product_id_idx ON orders (product_id);
COMMENT ON CONSTRAINT orders_customer_id_fkey ON orders IS 'A customer with orders stays: they are the books.';
COMMENT ON CONSTRAINT orders_product_id_fkey ON orders IS 'Products are only soft-deleted; a real deletion takes test orders along.';

CREATE FUNCTION count_orders() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE products SET order_count = order_count - 1 WHERE id = OLD.product_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        UPDATE products SET order_count = order_count + 1 WHERE id = NEW.product_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER orders_count AFTER INSERT OR UPDATE OF product_id OR DELETE ON orders
    FOR EACH ROW EXECUTE FUNCTION count_orders();

CREATE VIEW live_products AS
SELECT id, slug, stock, order_count FROM products WHERE deleted_at IS NULL;

GRANT SELECT, INSERT ON customers, orders TO shop_app;
GRANT SELECT, UPDATE ON products TO shop_app;
GRANT SELECT ON live_products TO shop_app;
