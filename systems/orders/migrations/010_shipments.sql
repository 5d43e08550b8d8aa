-- Parcels. A shipment is numbered within its order, so its key says which order it belongs to, and a shipped line can
-- only be a line of that order: both foreign keys share the column.

ALTER TABLE order_lines ADD COLUMN shipped_quantity integer NOT NULL DEFAULT 0;
ALTER TABLE order_lines ADD CONSTRAINT ck_order_lines_shipped_quantity CHECK (shipped_quantity BETWEEN 0 AND quantity) NOT VALID;
COMMENT ON COLUMN order_lines.shipped_quantity IS 'Denormalised: sum of shipment_lines.quantity, kept by sum_shipped_quantities. The check is what makes it impossible to ship more than was ordered.';

CREATE TABLE shipments (
    tenant_id     bigint      NOT NULL,
    order_id      bigint      NOT NULL,
    shipment_no   integer     NOT NULL,
    carrier       text        NOT NULL,
    tracking_code text        NOT NULL,
    delivered_at  timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_shipments PRIMARY KEY (tenant_id, order_id, shipment_no),
    CONSTRAINT uq_shipments_tracking_code UNIQUE (tenant_id, carrier, tracking_code),
    CONSTRAINT fk_shipments_order_id FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id) ON DELETE RESTRICT,
    CONSTRAINT ck_shipments_shipment_no CHECK (shipment_no > 0),
    CONSTRAINT ck_shipments_carrier CHECK (carrier IN ('post', 'courier', 'pickup')),
    CONSTRAINT ck_shipments_tracking_code CHECK (char_length(tracking_code) BETWEEN 1 AND 60),
    CONSTRAINT ck_shipments_delivered_at CHECK (delivered_at >= created_at)
);
COMMENT ON TABLE shipments IS 'A parcel on its way. An order may leave in several.';
COMMENT ON COLUMN shipments.delivered_at IS 'When the carrier reported delivery; NULL while on the way.';
COMMENT ON CONSTRAINT fk_shipments_order_id ON shipments IS 'RESTRICT: what left the house stays known.';

CREATE TABLE shipment_lines (
    tenant_id   bigint  NOT NULL,
    order_id    bigint  NOT NULL,
    shipment_no integer NOT NULL,
    line_no     integer NOT NULL,
    quantity    integer NOT NULL,
    CONSTRAINT pk_shipment_lines PRIMARY KEY (tenant_id, order_id, shipment_no, line_no),
    CONSTRAINT fk_shipment_lines_shipment_no FOREIGN KEY (tenant_id, order_id, shipment_no) REFERENCES shipments (tenant_id, order_id, shipment_no) ON DELETE CASCADE,
    CONSTRAINT fk_shipment_lines_line_no FOREIGN KEY (tenant_id, order_id, line_no) REFERENCES order_lines (tenant_id, order_id, line_no) ON DELETE RESTRICT,
    CONSTRAINT ck_shipment_lines_quantity CHECK (quantity > 0)
);
COMMENT ON TABLE shipment_lines IS 'What is in a parcel.';
COMMENT ON CONSTRAINT fk_shipment_lines_shipment_no ON shipment_lines IS 'CASCADE: the content is part of the parcel.';
COMMENT ON CONSTRAINT fk_shipment_lines_line_no ON shipment_lines IS 'RESTRICT: what was shipped stays known.';
CREATE INDEX ix_shipment_lines_line_no ON shipment_lines (tenant_id, order_id, line_no);

CREATE FUNCTION sum_shipped_quantities() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    delta record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        FOR delta IN
            SELECT n.tenant_id, n.order_id, n.line_no, sum(n.quantity) AS quantity
            FROM new_rows AS n GROUP BY n.tenant_id, n.order_id, n.line_no ORDER BY n.tenant_id, n.order_id, n.line_no
        LOOP
            UPDATE public.order_lines AS l SET shipped_quantity = l.shipped_quantity + delta.quantity
            WHERE l.tenant_id = delta.tenant_id AND l.order_id = delta.order_id AND l.line_no = delta.line_no;
        END LOOP;
    ELSIF TG_OP = 'DELETE' THEN
        FOR delta IN
            SELECT r.tenant_id, r.order_id, r.line_no, sum(r.quantity) AS quantity
            FROM old_rows AS r GROUP BY r.tenant_id, r.order_id, r.line_no ORDER BY r.tenant_id, r.order_id, r.line_no
        LOOP
            UPDATE public.order_lines AS l SET shipped_quantity = l.shipped_quantity - delta.quantity
            WHERE l.tenant_id = delta.tenant_id AND l.order_id = delta.order_id AND l.line_no = delta.line_no;
        END LOOP;
    ELSE
        FOR delta IN
            SELECT d.tenant_id, d.order_id, d.line_no, sum(d.quantity) AS quantity
            FROM (
                SELECT n.tenant_id, n.order_id, n.line_no, n.quantity FROM new_rows AS n
                UNION ALL
                SELECT r.tenant_id, r.order_id, r.line_no, -r.quantity FROM old_rows AS r
            ) AS d
            GROUP BY d.tenant_id, d.order_id, d.line_no
            HAVING sum(d.quantity) <> 0
            ORDER BY d.tenant_id, d.order_id, d.line_no
        LOOP
            UPDATE public.order_lines AS l SET shipped_quantity = l.shipped_quantity + delta.quantity
            WHERE l.tenant_id = delta.tenant_id AND l.order_id = delta.order_id AND l.line_no = delta.line_no;
        END LOOP;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION sum_shipped_quantities() IS 'Keeps order_lines.shipped_quantity. SECURITY DEFINER: no role may write it itself.';

CREATE TRIGGER trg_shipment_lines_sum_insert AFTER INSERT ON shipment_lines
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sum_shipped_quantities();
CREATE TRIGGER trg_shipment_lines_sum_update AFTER UPDATE ON shipment_lines
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sum_shipped_quantities();
CREATE TRIGGER trg_shipment_lines_sum_delete AFTER DELETE ON shipment_lines
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION sum_shipped_quantities();

ALTER TABLE shipments ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON shipments TO orders_app
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::bigint));
CREATE POLICY owner_maintenance ON shipments TO orders_owner USING (true);
CREATE POLICY analyst_reading ON shipments FOR SELECT TO orders_analyst USING (true);

ALTER TABLE shipment_lines ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON shipment_lines TO orders_app
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::bigint));
CREATE POLICY owner_maintenance ON shipment_lines TO orders_owner USING (true);
CREATE POLICY analyst_reading ON shipment_lines FOR SELECT TO orders_analyst USING (true);

GRANT SELECT ON shipments, shipment_lines TO orders_app, orders_analyst;
GRANT INSERT (tenant_id, order_id, shipment_no, carrier, tracking_code), UPDATE (delivered_at) ON shipments TO orders_app;
GRANT INSERT (tenant_id, order_id, shipment_no, line_no, quantity) ON shipment_lines TO orders_app;
