-- Who buys, and what they bought at which price.

CREATE TABLE customers (
    tenant_id  bigint      NOT NULL,
    id         bigint      GENERATED ALWAYS AS IDENTITY,
    email      text        NOT NULL,
    full_name  text        NOT NULL,
    phone      text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_customers PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_customers_email UNIQUE (tenant_id, email),
    CONSTRAINT fk_customers_tenant_id FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE RESTRICT,
    CONSTRAINT ck_customers_email CHECK (char_length(email) <= 254 AND email = lower(email) AND email ~ '^[^@[:space:]]+@[^@[:space:]]+\.[^@[:space:]]+$'),
    CONSTRAINT ck_customers_full_name CHECK (char_length(full_name) BETWEEN 1 AND 200 AND full_name ~ '[^[:space:]]'),
    CONSTRAINT ck_customers_phone CHECK (phone ~ '^\+[0-9]{6,15}$')
);
COMMENT ON TABLE customers IS 'People who buy. The same person in two shops is two customers: shops do not share their books.';
COMMENT ON COLUMN customers.email IS 'In lower case; unique within the tenant. Text and not citext: under row level security only a leakproof comparison reaches an index, and that of citext is not.';
COMMENT ON COLUMN customers.full_name IS 'As the customer wrote it.';
COMMENT ON COLUMN customers.phone IS 'E.164, for the carrier; NULL when not given.';
COMMENT ON CONSTRAINT fk_customers_tenant_id ON customers IS 'RESTRICT: a tenant with customers is closed, not removed.';

-- Under a condition, so that a backfill of some new column is no change of the customer.
CREATE TRIGGER trg_customers_touch BEFORE UPDATE ON customers
    FOR EACH ROW WHEN (OLD.email IS DISTINCT FROM NEW.email
        OR OLD.full_name IS DISTINCT FROM NEW.full_name
        OR OLD.phone IS DISTINCT FROM NEW.phone
    )
    EXECUTE FUNCTION touch_updated_at();

CREATE TABLE orders (
    tenant_id       bigint      NOT NULL,
    id              bigint      GENERATED ALWAYS AS IDENTITY,
    customer_id     bigint      NOT NULL,
    status          text        NOT NULL DEFAULT 'placed',
    currency        text        NOT NULL,
    total_minor     bigint      NOT NULL DEFAULT 0,
    idempotency_key text        NOT NULL,
    cancelled_at    timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_orders PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_orders_idempotency_key UNIQUE (tenant_id, idempotency_key),
    CONSTRAINT fk_orders_customer_id FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id) ON DELETE RESTRICT,
    CONSTRAINT fk_orders_currency FOREIGN KEY (currency) REFERENCES currencies (code) ON DELETE RESTRICT,
    CONSTRAINT ck_orders_status CHECK (status IN ('placed', 'fulfilled', 'cancelled')),
    CONSTRAINT ck_orders_total_minor CHECK (total_minor >= 0),
    CONSTRAINT ck_orders_idempotency_key CHECK (char_length(idempotency_key) BETWEEN 1 AND 100),
    CONSTRAINT ck_orders_cancelled_at CHECK ((status = 'cancelled') = (cancelled_at IS NOT NULL))
);
COMMENT ON TABLE orders IS 'An order, and the lock of everything that happens to it: whoever pays, ships or cancels holds this row.';
COMMENT ON COLUMN orders.status IS 'placed: stock is taken, not all shipped; fulfilled: every line shipped; cancelled: stock given back, final. Whether it is paid is told by its payments.';
COMMENT ON COLUMN orders.currency IS 'Of all amounts of the order, its lines, payments and refunds.';
COMMENT ON COLUMN orders.total_minor IS 'Denormalised: sum of quantity times price over the lines, kept by total_orders. Lists, payments and the ledger need it.';
COMMENT ON COLUMN orders.idempotency_key IS 'Chosen by whoever orders, once per basket: sending the basket again finds the order instead of making another.';
COMMENT ON COLUMN orders.cancelled_at IS 'Set exactly while status is cancelled.';
COMMENT ON CONSTRAINT fk_orders_customer_id ON orders IS 'RESTRICT: books are kept, and with them who bought.';
COMMENT ON CONSTRAINT fk_orders_currency ON orders IS 'RESTRICT: a currency in use stays known.';
CREATE INDEX ix_orders_customer_id ON orders (tenant_id, customer_id, created_at DESC);

CREATE TRIGGER trg_orders_touch BEFORE UPDATE OF status, cancelled_at ON orders
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER trg_orders_cancelled AFTER UPDATE OF status ON orders
    FOR EACH ROW WHEN (OLD.status = 'cancelled' AND NEW.status <> 'cancelled')
    EXECUTE FUNCTION refuse_change('cancelled is final: the stock was given back');
CREATE TRIGGER trg_orders_currency AFTER UPDATE OF currency ON orders
    FOR EACH ROW WHEN (NEW.currency <> OLD.currency)
    EXECUTE FUNCTION refuse_change('the currency of an order is that of its lines and payments');

CREATE TABLE order_lines (
    tenant_id        bigint  NOT NULL,
    order_id         bigint  NOT NULL,
    line_no          integer NOT NULL,
    product_id       bigint  NOT NULL,
    quantity         integer NOT NULL,
    unit_price_cents integer NOT NULL,
    CONSTRAINT pk_order_lines PRIMARY KEY (tenant_id, order_id, line_no),
    CONSTRAINT fk_order_lines_order_id FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_order_lines_product_id FOREIGN KEY (tenant_id, product_id) REFERENCES products (tenant_id, id) ON DELETE RESTRICT,
    CONSTRAINT ck_order_lines_line_no CHECK (line_no > 0),
    CONSTRAINT ck_order_lines_quantity CHECK (quantity BETWEEN 1 AND 100000),
    CONSTRAINT ck_order_lines_unit_price_cents CHECK (unit_price_cents >= 0)
);
COMMENT ON TABLE order_lines IS 'What was ordered. Numbered within the order, so that all lines of an order lie side by side.';
COMMENT ON COLUMN order_lines.unit_price_cents IS 'Snapshot of the price of that moment: later prices do not change what was agreed.';
COMMENT ON CONSTRAINT fk_order_lines_order_id ON order_lines IS 'CASCADE: a line is part of its order. An order with payments or stock movements is held by those.';
COMMENT ON CONSTRAINT fk_order_lines_product_id ON order_lines IS 'RESTRICT: a product that was sold is archived, not removed.';
CREATE INDEX ix_order_lines_product_id ON order_lines (tenant_id, product_id);

-- Adds differences, once per statement and in ascending order id: two statements never wait crosswise.
CREATE FUNCTION total_orders() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    delta record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        FOR delta IN
            SELECT n.tenant_id, n.order_id, sum(n.quantity::bigint * n.unit_price_cents) AS amount
            FROM new_rows AS n GROUP BY n.tenant_id, n.order_id ORDER BY n.tenant_id, n.order_id
        LOOP
            UPDATE public.orders AS o SET total_minor = o.total_minor + delta.amount
            WHERE o.tenant_id = delta.tenant_id AND o.id = delta.order_id;
        END LOOP;
    ELSIF TG_OP = 'DELETE' THEN
        FOR delta IN
            SELECT r.tenant_id, r.order_id, sum(r.quantity::bigint * r.unit_price_cents) AS amount
            FROM old_rows AS r GROUP BY r.tenant_id, r.order_id ORDER BY r.tenant_id, r.order_id
        LOOP
            UPDATE public.orders AS o SET total_minor = o.total_minor - delta.amount
            WHERE o.tenant_id = delta.tenant_id AND o.id = delta.order_id;
        END LOOP;
    ELSE
        FOR delta IN
            SELECT d.tenant_id, d.order_id, sum(d.amount) AS amount
            FROM (
                SELECT n.tenant_id, n.order_id, n.quantity::bigint * n.unit_price_cents AS amount FROM new_rows AS n
                UNION ALL
                SELECT r.tenant_id, r.order_id, -(r.quantity::bigint * r.unit_price_cents) FROM old_rows AS r
            ) AS d
            GROUP BY d.tenant_id, d.order_id
            HAVING sum(d.amount) <> 0
            ORDER BY d.tenant_id, d.order_id
        LOOP
            UPDATE public.orders AS o SET total_minor = o.total_minor + delta.amount
            WHERE o.tenant_id = delta.tenant_id AND o.id = delta.order_id;
        END LOOP;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION total_orders() IS 'Keeps orders.total_minor. SECURITY DEFINER: no role may write the total itself.';

CREATE TRIGGER trg_order_lines_total_insert AFTER INSERT ON order_lines
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION total_orders();
CREATE TRIGGER trg_order_lines_total_update AFTER UPDATE ON order_lines
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION total_orders();
CREATE TRIGGER trg_order_lines_total_delete AFTER DELETE ON order_lines
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION total_orders();
