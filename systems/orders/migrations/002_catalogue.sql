-- What is sold, and for how much at which time.

CREATE TABLE products (
    tenant_id   bigint      NOT NULL,
    id          bigint      GENERATED ALWAYS AS IDENTITY,
    sku         text        NOT NULL,
    title       text        NOT NULL,
    description text,
    archived_at timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_products PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_products_sku UNIQUE (tenant_id, sku),
    CONSTRAINT fk_products_tenant_id FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE RESTRICT,
    CONSTRAINT ck_products_sku CHECK (sku ~ '^[A-Z0-9][A-Z0-9-]{1,39}$'),
    CONSTRAINT ck_products_title CHECK (char_length(title) BETWEEN 1 AND 160),
    CONSTRAINT ck_products_description CHECK (char_length(description) BETWEEN 1 AND 10000)
);
COMMENT ON TABLE products IS 'What a shop sells. Prices are in product_prices, quantities in stock_levels: both change far more often than this.';
COMMENT ON COLUMN products.sku IS 'The shop''s own number, on the shelf and on the label.';
COMMENT ON COLUMN products.description IS 'Markdown; NULL until written.';
COMMENT ON COLUMN products.archived_at IS 'When it was taken off sale; NULL while on sale. Orders go on naming it.';
COMMENT ON CONSTRAINT fk_products_tenant_id ON products IS 'RESTRICT: a tenant with products is closed, not removed.';

CREATE TRIGGER trg_products_touch BEFORE UPDATE ON products
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE product_prices (
    tenant_id    bigint      NOT NULL,
    id           bigint      GENERATED ALWAYS AS IDENTITY,
    product_id   bigint      NOT NULL,
    currency     text        NOT NULL,
    price_minor  bigint      NOT NULL,
    valid_during tstzrange   NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_product_prices PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_product_prices_product_id FOREIGN KEY (tenant_id, product_id) REFERENCES products (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_product_prices_currency FOREIGN KEY (currency) REFERENCES currencies (code) ON DELETE RESTRICT,
    CONSTRAINT ck_product_prices_price_minor CHECK (price_minor >= 0),
    CONSTRAINT ck_product_prices_valid_during CHECK (NOT isempty(valid_during) AND lower(valid_during) IS NOT NULL AND lower_inc(valid_during)),
    CONSTRAINT ex_product_prices_valid_during EXCLUDE USING gist (tenant_id WITH =, product_id WITH =, currency WITH =, valid_during WITH &&)
);
COMMENT ON TABLE product_prices IS 'Prices in time: what a product cost, costs and will cost. At any instant at most one price per product and currency.';
COMMENT ON COLUMN product_prices.price_minor IS 'In minor units of the currency: 1999 is EUR 19.99 and JPY 1999.';
COMMENT ON COLUMN product_prices.valid_during IS 'From (inclusive) until (exclusive); without an upper bound until a later price is set.';
COMMENT ON CONSTRAINT fk_product_prices_product_id ON product_prices IS 'CASCADE: a price is part of its product. A product that was sold is held by its order lines.';
COMMENT ON CONSTRAINT fk_product_prices_currency ON product_prices IS 'RESTRICT: a currency in use stays known.';
COMMENT ON CONSTRAINT ex_product_prices_valid_during ON product_prices IS 'Two clerks cannot set two prices for the same time.';
CREATE INDEX ix_product_prices_product_id ON product_prices (tenant_id, product_id);
