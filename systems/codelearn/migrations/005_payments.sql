-- Money: coupons, purchases that never change, and refunds as rows of their own.

CREATE TABLE coupons (
    id               bigint        GENERATED ALWAYS AS IDENTITY,
    code             citext        NOT NULL,
    course_id        bigint,
    percent_off      numeric(5,2),
    amount_off       numeric(12,2),
    currency         text,
    max_redemptions  integer,
    max_per_user     integer       NOT NULL DEFAULT 1,
    valid_from       timestamptz   NOT NULL DEFAULT now(),
    valid_until      timestamptz,
    created_at       timestamptz   NOT NULL DEFAULT now(),
    updated_at       timestamptz   NOT NULL DEFAULT now(),
    deleted_at       timestamptz,
    CONSTRAINT pk_coupons PRIMARY KEY (id),
    CONSTRAINT uq_coupons_code UNIQUE (code),
    CONSTRAINT fk_coupons_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT ck_coupons_code CHECK (code ~ '^[a-z0-9][a-z0-9-]{2,39}$'),
    CONSTRAINT ck_coupons_discount CHECK (
        (percent_off IS NOT NULL AND amount_off IS NULL AND currency IS NULL)
        OR (percent_off IS NULL AND amount_off IS NOT NULL AND currency IS NOT NULL)
    ),
    CONSTRAINT ck_coupons_percent_off CHECK (percent_off > 0 AND percent_off <= 100),
    CONSTRAINT ck_coupons_amount_off CHECK (amount_off > 0),
    CONSTRAINT ck_coupons_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_coupons_max_redemptions CHECK (max_redemptions > 0),
    CONSTRAINT ck_coupons_max_per_user CHECK (max_per_user > 0),
    CONSTRAINT ck_coupons_validity CHECK (valid_until > valid_from)
);
COMMENT ON TABLE coupons IS 'Price reductions: for one course or for all, in percent or as an amount, within limits of number and time.';
COMMENT ON COLUMN coupons.code IS 'What the customer types, in any case. Unique over deleted coupons too: an old leaflet must not become another offer.';
COMMENT ON COLUMN coupons.course_id IS 'The course the coupon is for; NULL for every course.';
COMMENT ON COLUMN coupons.percent_off IS 'Reduction in percent; NULL for a coupon over an amount.';
COMMENT ON COLUMN coupons.amount_off IS 'Reduction as an amount of currency; NULL for a coupon in percent.';
COMMENT ON COLUMN coupons.currency IS 'ISO 4217 code of amount_off: such a coupon is only good for prices in that currency; NULL for a coupon in percent.';
COMMENT ON COLUMN coupons.max_redemptions IS 'How often it may be used in all; NULL is without limit.';
COMMENT ON COLUMN coupons.max_per_user IS 'How often one person may use it.';
COMMENT ON COLUMN coupons.valid_until IS 'First instant it is no longer valid; NULL is without end.';
COMMENT ON COLUMN coupons.deleted_at IS 'Set when withdrawn; NULL again restores it unchanged.';
COMMENT ON CONSTRAINT fk_coupons_course_id ON coupons IS 'CASCADE: an offer ends with what it offers. A used coupon is held by its purchases.';
CREATE INDEX ix_coupons_course_id ON coupons (course_id);

CREATE TRIGGER trg_coupons_touch BEFORE UPDATE OF code, course_id, percent_off, amount_off, currency, max_redemptions,
    max_per_user, valid_from, valid_until, deleted_at ON coupons
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE purchases (
    id                bigint        GENERATED ALWAYS AS IDENTITY,
    user_id           bigint        NOT NULL,
    course_id         bigint        NOT NULL,
    coupon_id         bigint,
    list_price        numeric(12,2) NOT NULL,
    discount          numeric(12,2) NOT NULL DEFAULT 0,
    amount            numeric(12,2) NOT NULL,
    currency          text          NOT NULL,
    payment_reference text          NOT NULL,
    purchased_at      timestamptz   NOT NULL DEFAULT now(),
    CONSTRAINT pk_purchases PRIMARY KEY (id),
    CONSTRAINT uq_purchases_payment_reference UNIQUE (payment_reference),
    CONSTRAINT fk_purchases_user_id_course_id FOREIGN KEY (user_id, course_id) REFERENCES enrollments (user_id, course_id) ON DELETE RESTRICT,
    CONSTRAINT fk_purchases_coupon_id FOREIGN KEY (coupon_id) REFERENCES coupons (id) ON DELETE RESTRICT,
    CONSTRAINT ck_purchases_list_price CHECK (list_price >= 0),
    CONSTRAINT ck_purchases_discount CHECK (discount >= 0 AND (discount = 0 OR coupon_id IS NOT NULL)),
    CONSTRAINT ck_purchases_amount CHECK (amount >= 0 AND amount = list_price - discount),
    CONSTRAINT ck_purchases_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_purchases_payment_reference CHECK (char_length(payment_reference) BETWEEN 1 AND 100)
);
COMMENT ON TABLE purchases IS 'What was paid, for ever: written once, never updated, never deleted. Prices and coupons may change later; this row does not.';
COMMENT ON COLUMN purchases.list_price IS 'Price of the course at that moment.';
COMMENT ON COLUMN purchases.discount IS 'What the coupon took off at that moment.';
COMMENT ON COLUMN purchases.amount IS 'What was really charged; stored, since it is what the receipt says, and held equal to list_price - discount.';
COMMENT ON COLUMN purchases.currency IS 'ISO 4217 code of the three amounts at that moment.';
COMMENT ON COLUMN purchases.payment_reference IS 'Identifier from the payment provider; unique, so that a retried request cannot book twice.';
COMMENT ON COLUMN purchases.coupon_id IS 'The coupon that was used; NULL for the full price.';
COMMENT ON CONSTRAINT fk_purchases_user_id_course_id ON purchases IS 'RESTRICT: books are kept. The natural key of the enrollment says student and course without a second copy of either.';
COMMENT ON CONSTRAINT fk_purchases_coupon_id ON purchases IS 'RESTRICT: the receipt names the coupon; coupons are withdrawn by deleted_at.';
CREATE INDEX ix_purchases_user_id_course_id ON purchases (user_id, course_id);
CREATE INDEX ix_purchases_course_id_purchased_at ON purchases (course_id, purchased_at) INCLUDE (id, amount, currency);
CREATE INDEX ix_purchases_coupon_id_user_id ON purchases (coupon_id, user_id) WHERE coupon_id IS NOT NULL;

CREATE TRIGGER trg_purchases_immutable AFTER UPDATE OR DELETE ON purchases
    FOR EACH ROW EXECUTE FUNCTION refuse_change('a purchase is a receipt: it stays as it was written');
CREATE TRIGGER trg_purchases_keep BEFORE TRUNCATE ON purchases
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('a purchase is a receipt: it stays as it was written');

CREATE TABLE refunds (
    id           bigint        GENERATED ALWAYS AS IDENTITY,
    purchase_id  bigint        NOT NULL,
    amount       numeric(12,2) NOT NULL,
    reason       text          NOT NULL,
    refunded_at  timestamptz   NOT NULL DEFAULT now(),
    CONSTRAINT pk_refunds PRIMARY KEY (id),
    CONSTRAINT fk_refunds_purchase_id FOREIGN KEY (purchase_id) REFERENCES purchases (id) ON DELETE RESTRICT,
    CONSTRAINT ck_refunds_amount CHECK (amount > 0),
    CONSTRAINT ck_refunds_reason CHECK (char_length(reason) BETWEEN 1 AND 500)
);
COMMENT ON TABLE refunds IS 'Money given back, in whole or in part; a row of its own, since the purchase itself never changes.';
COMMENT ON COLUMN refunds.amount IS 'In the currency of the purchase. The refunds of a purchase never sum to more than its amount.';
COMMENT ON CONSTRAINT fk_refunds_purchase_id ON refunds IS 'RESTRICT: books are kept.';
CREATE INDEX ix_refunds_purchase_id ON refunds (purchase_id);

CREATE FUNCTION check_refund() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    purchase public.purchases%ROWTYPE;
BEGIN
    SELECT p.* INTO STRICT purchase FROM public.purchases AS p WHERE p.id = NEW.purchase_id;
    -- Two refunds at once must not both see the other missing. A row lock would do at READ COMMITTED; writing the
    -- row (unchanged) makes the second one fail at the stricter levels too, where it would go on with an old picture.
    UPDATE public.enrollments AS e SET created_at = e.created_at
    WHERE e.user_id = purchase.user_id AND e.course_id = purchase.course_id;
    IF (SELECT sum(r.amount) FROM public.refunds AS r WHERE r.purchase_id = NEW.purchase_id) > purchase.amount THEN
        RAISE EXCEPTION 'refunds of purchase % exceed what was paid', NEW.purchase_id
            USING ERRCODE = 'check_violation', TABLE = 'refunds', COLUMN = 'amount';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION check_refund() IS 'Nobody gets back more than was paid.';

CREATE TRIGGER trg_refunds_total AFTER INSERT ON refunds
    FOR EACH ROW EXECUTE FUNCTION check_refund();
CREATE TRIGGER trg_refunds_immutable AFTER UPDATE OR DELETE ON refunds
    FOR EACH ROW EXECUTE FUNCTION refuse_change('a refund is a receipt: it stays as it was written');
CREATE TRIGGER trg_refunds_keep BEFORE TRUNCATE ON refunds
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('a refund is a receipt: it stays as it was written');
