-- Money in and out: payments that are authorised, then captured or voided, and refunds as rows of their own.

-- What was captured for an order, beside its total: the check makes it impossible to take more than was agreed. NOT VALID
-- binds new rows at once and reads no old one; 015 proves those, when no stronger lock is held.
ALTER TABLE orders ADD COLUMN captured_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE orders ADD CONSTRAINT ck_orders_captured_minor CHECK (captured_minor BETWEEN 0 AND total_minor) NOT VALID;
ALTER TABLE orders ADD CONSTRAINT ck_orders_cancelled_unpaid CHECK (status <> 'cancelled' OR captured_minor = 0) NOT VALID;
COMMENT ON COLUMN orders.captured_minor IS 'Denormalised: sum of the captured payments, kept by sum_captures. An order is paid when it equals total_minor.';

CREATE TABLE payments (
    tenant_id          bigint      NOT NULL,
    id                 bigint      GENERATED ALWAYS AS IDENTITY,
    order_id           bigint      NOT NULL,
    method             text        NOT NULL,
    status             text        NOT NULL DEFAULT 'authorised',
    amount_minor       bigint      NOT NULL,
    fee_minor          bigint      NOT NULL DEFAULT 0,
    refunded_minor     bigint      NOT NULL DEFAULT 0,
    provider_reference text        NOT NULL,
    captured_at        timestamptz,
    voided_at          timestamptz,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_payments PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_payments_provider_reference UNIQUE (tenant_id, provider_reference),
    CONSTRAINT fk_payments_order_id FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id) ON DELETE RESTRICT,
    CONSTRAINT ck_payments_method CHECK (method IN ('card', 'transfer')),
    CONSTRAINT ck_payments_status CHECK (status IN ('authorised', 'captured', 'voided')),
    CONSTRAINT ck_payments_amount_minor CHECK (amount_minor > 0),
    CONSTRAINT ck_payments_fee_minor CHECK (fee_minor BETWEEN 0 AND amount_minor),
    CONSTRAINT ck_payments_refunded_minor CHECK (refunded_minor BETWEEN 0 AND CASE status WHEN 'captured' THEN amount_minor ELSE 0 END),
    CONSTRAINT ck_payments_provider_reference CHECK (char_length(provider_reference) BETWEEN 1 AND 100),
    CONSTRAINT ck_payments_captured_at CHECK ((status = 'captured') = (captured_at IS NOT NULL)),
    CONSTRAINT ck_payments_voided_at CHECK ((status = 'voided') = (voided_at IS NOT NULL))
);
COMMENT ON TABLE payments IS 'A payment of an order, in the currency of the order. An order may be paid in parts.';
COMMENT ON COLUMN payments.status IS 'authorised: promised by the provider; captured: taken, final; voided: given up, final.';
COMMENT ON COLUMN payments.amount_minor IS 'In minor units of the order''s currency.';
COMMENT ON COLUMN payments.fee_minor IS 'What the provider keeps of it.';
COMMENT ON COLUMN payments.refunded_minor IS 'Denormalised: sum of the refunds, kept by sum_refunds. The check is what makes it impossible to give back more than was taken.';
COMMENT ON COLUMN payments.provider_reference IS 'The provider''s name for the authorisation, and the idempotency key of recording it: the same notification twice is one row.';
COMMENT ON COLUMN payments.captured_at IS 'Set exactly when status is captured.';
COMMENT ON COLUMN payments.voided_at IS 'Set exactly when status is voided.';
COMMENT ON CONSTRAINT fk_payments_order_id ON payments IS 'RESTRICT: books are kept.';
CREATE INDEX ix_payments_order_id ON payments (tenant_id, order_id);
-- The work list of whoever captures; captured and voided payments, nearly all of them, are not in it.
CREATE INDEX ix_payments_authorised ON payments (tenant_id, created_at) WHERE status = 'authorised';

CREATE TRIGGER trg_payments_touch BEFORE UPDATE OF status, captured_at, voided_at ON payments
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER trg_payments_final AFTER UPDATE OF status ON payments
    FOR EACH ROW WHEN (OLD.status <> 'authorised' AND NEW.status <> OLD.status)
    EXECUTE FUNCTION refuse_change('captured and voided are final: money comes back by a refund');
CREATE TRIGGER trg_payments_identity AFTER UPDATE OF order_id, method, amount_minor, fee_minor ON payments
    FOR EACH ROW WHEN ((NEW.order_id, NEW.method, NEW.amount_minor, NEW.fee_minor) IS DISTINCT FROM (OLD.order_id, OLD.method, OLD.amount_minor, OLD.fee_minor))
    EXECUTE FUNCTION refuse_change('a payment stays with its order and its amount');

CREATE FUNCTION sum_captures() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    delta record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        FOR delta IN
            SELECT n.tenant_id, n.order_id, sum(n.amount_minor) AS amount
            FROM new_rows AS n WHERE n.status = 'captured'
            GROUP BY n.tenant_id, n.order_id ORDER BY n.tenant_id, n.order_id
        LOOP
            UPDATE public.orders AS o SET captured_minor = o.captured_minor + delta.amount
            WHERE o.tenant_id = delta.tenant_id AND o.id = delta.order_id;
        END LOOP;
    ELSIF TG_OP = 'DELETE' THEN
        FOR delta IN
            SELECT r.tenant_id, r.order_id, sum(r.amount_minor) AS amount
            FROM old_rows AS r WHERE r.status = 'captured'
            GROUP BY r.tenant_id, r.order_id ORDER BY r.tenant_id, r.order_id
        LOOP
            UPDATE public.orders AS o SET captured_minor = o.captured_minor - delta.amount
            WHERE o.tenant_id = delta.tenant_id AND o.id = delta.order_id;
        END LOOP;
    ELSE
        FOR delta IN
            SELECT d.tenant_id, d.order_id, sum(d.amount) AS amount
            FROM (
                SELECT n.tenant_id, n.order_id, n.amount_minor AS amount FROM new_rows AS n WHERE n.status = 'captured'
                UNION ALL
                SELECT r.tenant_id, r.order_id, -r.amount_minor FROM old_rows AS r WHERE r.status = 'captured'
            ) AS d
            GROUP BY d.tenant_id, d.order_id
            HAVING sum(d.amount) <> 0
            ORDER BY d.tenant_id, d.order_id
        LOOP
            UPDATE public.orders AS o SET captured_minor = o.captured_minor + delta.amount
            WHERE o.tenant_id = delta.tenant_id AND o.id = delta.order_id;
        END LOOP;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION sum_captures() IS 'Keeps orders.captured_minor. SECURITY DEFINER: no role may write it itself.';

CREATE TRIGGER trg_payments_sum_insert AFTER INSERT ON payments
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sum_captures();
CREATE TRIGGER trg_payments_sum_update AFTER UPDATE ON payments
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sum_captures();
CREATE TRIGGER trg_payments_sum_delete AFTER DELETE ON payments
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION sum_captures();

CREATE TABLE refunds (
    tenant_id       bigint      NOT NULL,
    id              bigint      GENERATED ALWAYS AS IDENTITY,
    payment_id      bigint      NOT NULL,
    user_id         bigint      NOT NULL,
    amount_minor    bigint      NOT NULL,
    reason          text        NOT NULL,
    idempotency_key text        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_refunds PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_refunds_idempotency_key UNIQUE (tenant_id, idempotency_key),
    CONSTRAINT fk_refunds_payment_id FOREIGN KEY (tenant_id, payment_id) REFERENCES payments (tenant_id, id) ON DELETE RESTRICT,
    CONSTRAINT fk_refunds_user_id FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE RESTRICT,
    CONSTRAINT ck_refunds_amount_minor CHECK (amount_minor > 0),
    CONSTRAINT ck_refunds_reason CHECK (char_length(reason) BETWEEN 1 AND 500),
    CONSTRAINT ck_refunds_idempotency_key CHECK (char_length(idempotency_key) BETWEEN 1 AND 100)
);
COMMENT ON TABLE refunds IS 'Money given back, in whole or in part: written once, never updated, never deleted.';
COMMENT ON COLUMN refunds.user_id IS 'Who granted it.';
COMMENT ON COLUMN refunds.amount_minor IS 'In minor units of the order''s currency. The refunds of a payment never sum to more than its amount.';
COMMENT ON COLUMN refunds.idempotency_key IS 'Chosen by the clerk''s screen, once per form: two clicks are one refund, two forms are two.';
COMMENT ON CONSTRAINT fk_refunds_payment_id ON refunds IS 'RESTRICT: books are kept.';
COMMENT ON CONSTRAINT fk_refunds_user_id ON refunds IS 'RESTRICT: who granted a refund stays known; people leave by left_at.';
CREATE INDEX ix_refunds_payment_id ON refunds (tenant_id, payment_id);
CREATE INDEX ix_refunds_user_id ON refunds (tenant_id, user_id);

CREATE FUNCTION sum_refunds() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    delta record;
BEGIN
    -- Refunds are only ever inserted, so there is nothing to take back.
    FOR delta IN
        SELECT n.tenant_id, n.payment_id, sum(n.amount_minor) AS amount
        FROM new_rows AS n GROUP BY n.tenant_id, n.payment_id ORDER BY n.tenant_id, n.payment_id
    LOOP
        UPDATE public.payments AS p SET refunded_minor = p.refunded_minor + delta.amount
        WHERE p.tenant_id = delta.tenant_id AND p.id = delta.payment_id;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION sum_refunds() IS 'Keeps payments.refunded_minor. SECURITY DEFINER: no role may write it itself.';

CREATE TRIGGER trg_refunds_sum_insert AFTER INSERT ON refunds
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sum_refunds();
CREATE TRIGGER trg_refunds_immutable AFTER UPDATE OR DELETE ON refunds
    FOR EACH ROW EXECUTE FUNCTION refuse_change('a refund is a receipt: it stays as it was written');
CREATE TRIGGER trg_refunds_keep BEFORE TRUNCATE ON refunds
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('a refund is a receipt: it stays as it was written');

ALTER TABLE payments ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON payments TO orders_app
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::bigint));
CREATE POLICY owner_maintenance ON payments TO orders_owner USING (true);
CREATE POLICY analyst_reading ON payments FOR SELECT TO orders_analyst USING (true);

ALTER TABLE refunds ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON refunds TO orders_app
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::bigint));
CREATE POLICY owner_maintenance ON refunds TO orders_owner USING (true);
CREATE POLICY analyst_reading ON refunds FOR SELECT TO orders_analyst USING (true);

GRANT SELECT ON payments, refunds TO orders_app, orders_analyst;
GRANT INSERT (tenant_id, order_id, method, status, amount_minor, fee_minor, provider_reference, captured_at), UPDATE (status, captured_at, voided_at) ON payments TO orders_app;
GRANT INSERT (tenant_id, payment_id, user_id, amount_minor, reason, idempotency_key) ON refunds TO orders_app;
