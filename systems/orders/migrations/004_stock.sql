-- Stock: every change is a movement that stays, and the level of a product is what its movements sum to.

CREATE TABLE stock_movements (
    tenant_id   bigint      NOT NULL,
    id          bigint      GENERATED ALWAYS AS IDENTITY,
    product_id  bigint      NOT NULL,
    reason      text        NOT NULL,
    quantity    integer     NOT NULL,
    order_id    bigint,
    line_no     integer,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_stock_movements PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_stock_movements_product_id FOREIGN KEY (tenant_id, product_id) REFERENCES products (tenant_id, id) ON DELETE RESTRICT,
    CONSTRAINT fk_stock_movements_order_id_line_no FOREIGN KEY (tenant_id, order_id, line_no) REFERENCES order_lines (tenant_id, order_id, line_no) ON DELETE RESTRICT,
    CONSTRAINT ck_stock_movements_reason CHECK (reason IN ('receipt', 'adjustment', 'sale', 'cancellation')),
    CONSTRAINT ck_stock_movements_quantity CHECK (
        CASE reason WHEN 'receipt' THEN quantity > 0 WHEN 'sale' THEN quantity < 0 WHEN 'cancellation' THEN quantity > 0 ELSE quantity <> 0 END
    ),
    CONSTRAINT ck_stock_movements_order_id CHECK ((reason IN ('sale', 'cancellation')) = (order_id IS NOT NULL)),
    CONSTRAINT ck_stock_movements_line_no CHECK ((order_id IS NULL) = (line_no IS NULL))
);
COMMENT ON TABLE stock_movements IS 'Every change of stock, for ever: written once, never updated, never deleted. A mistake is corrected by another movement.';
COMMENT ON COLUMN stock_movements.reason IS 'receipt: goods came in; adjustment: counted otherwise; sale: an order took it; cancellation: the order gave it back.';
COMMENT ON COLUMN stock_movements.quantity IS 'Pieces; negative leaves the shelf.';
COMMENT ON COLUMN stock_movements.order_id IS 'The order line that took or gave it; NULL for receipts and adjustments.';
COMMENT ON COLUMN stock_movements.line_no IS 'See order_id; NULL together with it.';
COMMENT ON CONSTRAINT fk_stock_movements_product_id ON stock_movements IS 'RESTRICT: the history of a product keeps the product.';
COMMENT ON CONSTRAINT fk_stock_movements_order_id_line_no ON stock_movements IS 'RESTRICT: an order that moved stock is cancelled, not removed.';
CREATE INDEX ix_stock_movements_product_id ON stock_movements (tenant_id, product_id, created_at DESC);
-- A line takes its stock once and gives it back once, however often somebody tries. Partial, since receipts have no line.
CREATE UNIQUE INDEX uq_stock_movements_order_line ON stock_movements (tenant_id, order_id, line_no, reason) WHERE order_id IS NOT NULL;

CREATE TRIGGER trg_stock_movements_immutable AFTER UPDATE OR DELETE ON stock_movements
    FOR EACH ROW EXECUTE FUNCTION refuse_change('a movement happened: correct it with another one');
CREATE TRIGGER trg_stock_movements_keep BEFORE TRUNCATE ON stock_movements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('a movement happened: correct it with another one');

CREATE TABLE stock_levels (
    tenant_id        bigint      NOT NULL,
    product_id       bigint      NOT NULL,
    quantity_on_hand integer     NOT NULL DEFAULT 0,
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_stock_levels PRIMARY KEY (tenant_id, product_id),
    CONSTRAINT fk_stock_levels_product_id FOREIGN KEY (tenant_id, product_id) REFERENCES products (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_stock_levels_quantity_on_hand CHECK (quantity_on_hand >= 0)
);
COMMENT ON TABLE stock_levels IS 'What is on the shelf. Apart from products: this row changes with every order, and is what orders for a product queue at.';
COMMENT ON COLUMN stock_levels.quantity_on_hand IS 'Denormalised: sum of stock_movements.quantity, kept by keep_stock_levels. The check is what makes overselling impossible.';
COMMENT ON CONSTRAINT fk_stock_levels_product_id ON stock_levels IS 'CASCADE: the level is part of the product; a product that ever moved is held by its movements.';
-- Updated all the time and small: room on each page lets new versions stay beside the old (no work for the indexes).
ALTER TABLE stock_levels SET (fillfactor = 70);

CREATE FUNCTION keep_stock_levels() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    delta record;
BEGIN
    -- Movements are only ever inserted, so there is nothing to take back.
    FOR delta IN
        SELECT n.tenant_id, n.product_id, sum(n.quantity) AS quantity
        FROM new_rows AS n GROUP BY n.tenant_id, n.product_id ORDER BY n.tenant_id, n.product_id
    LOOP
        -- Two steps: ON CONFLICT DO UPDATE would check the proposed row first, and a sale alone is below zero.
        INSERT INTO public.stock_levels (tenant_id, product_id) VALUES (delta.tenant_id, delta.product_id)
        ON CONFLICT (tenant_id, product_id) DO NOTHING;
        UPDATE public.stock_levels AS s
        SET quantity_on_hand = s.quantity_on_hand + delta.quantity, updated_at = now()
        WHERE s.tenant_id = delta.tenant_id AND s.product_id = delta.product_id;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION keep_stock_levels() IS 'Keeps stock_levels.quantity_on_hand. SECURITY DEFINER: no role may write the level itself.';

CREATE TRIGGER trg_stock_movements_level_insert AFTER INSERT ON stock_movements
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_stock_levels();
