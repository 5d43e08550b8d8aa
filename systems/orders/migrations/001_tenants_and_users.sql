-- The ground everything stands on: currencies, the tenants (one shop each), and the people who work in them.
--
-- From the first table on the tenant comes first in every primary key, unique constraint and foreign key. A reference
-- can therefore not lead from one tenant to another, and all rows of a tenant can one day live on one node (016).

-- A new function is callable by nobody until a migration grants it. PostgreSQL's own default is EXECUTE for
-- PUBLIC, which is the wrong default for functions that run with the rights of their owner.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE FUNCTION touch_updated_at() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION touch_updated_at() IS 'Keeps updated_at honest; attached BEFORE UPDATE.';

CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '%: % is not allowed', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', DETAIL = TG_ARGV[0], TABLE = TG_TABLE_NAME;
END
$$;
COMMENT ON FUNCTION refuse_change() IS
    'Refuses the statement that fired it; the trigger''s argument is the reason. Attached AFTER, so that a broken constraint is reported as itself.';

CREATE TABLE currencies (
    code         text     NOT NULL,
    title        text     NOT NULL,
    minor_digits smallint NOT NULL,
    CONSTRAINT pk_currencies PRIMARY KEY (code),
    CONSTRAINT ck_currencies_code CHECK (code ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_currencies_title CHECK (char_length(title) BETWEEN 1 AND 60),
    CONSTRAINT ck_currencies_minor_digits CHECK (minor_digits BETWEEN 0 AND 4)
);
COMMENT ON TABLE currencies IS 'The currencies that amounts may be in. The same for all tenants: small, read everywhere, changed by the seed only.';
COMMENT ON COLUMN currencies.code IS 'ISO 4217.';
COMMENT ON COLUMN currencies.minor_digits IS 'Decimal places of the smallest unit: 2 for EUR, 0 for JPY. What every amount in minor units is shown with.';

CREATE TABLE tenants (
    id         bigint      GENERATED ALWAYS AS IDENTITY,
    slug       text        NOT NULL,
    title      text        NOT NULL,
    currency   text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_tenants PRIMARY KEY (id),
    CONSTRAINT uq_tenants_slug UNIQUE (slug),
    CONSTRAINT fk_tenants_currency FOREIGN KEY (currency) REFERENCES currencies (code) ON DELETE RESTRICT,
    CONSTRAINT ck_tenants_slug CHECK (char_length(slug) <= 60 AND slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    CONSTRAINT ck_tenants_title CHECK (char_length(title) BETWEEN 1 AND 100)
);
COMMENT ON TABLE tenants IS 'One row per shop. Every other business row belongs to exactly one.';
COMMENT ON COLUMN tenants.slug IS 'The shop''s name in its address.';
COMMENT ON COLUMN tenants.currency IS 'What new prices are in unless said otherwise. Orders carry their own.';
COMMENT ON CONSTRAINT fk_tenants_currency ON tenants IS 'RESTRICT: a currency in use stays known.';

CREATE TRIGGER trg_tenants_touch BEFORE UPDATE ON tenants
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE users (
    tenant_id    bigint      NOT NULL,
    id           bigint      GENERATED ALWAYS AS IDENTITY,
    email        text        NOT NULL,
    display_name text        NOT NULL,
    duty         text        NOT NULL,
    left_at      timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_users PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_users_email UNIQUE (tenant_id, email),
    CONSTRAINT fk_users_tenant_id FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE RESTRICT,
    CONSTRAINT ck_users_email CHECK (char_length(email) <= 254 AND email = lower(email) AND email ~ '^[^@[:space:]]+@[^@[:space:]]+\.[^@[:space:]]+$'),
    CONSTRAINT ck_users_display_name CHECK (char_length(display_name) BETWEEN 1 AND 100),
    CONSTRAINT ck_users_duty CHECK (duty IN ('owner', 'clerk', 'packer'))
);
COMMENT ON TABLE users IS 'People who work in a shop. They log in elsewhere: no secret lives here.';
COMMENT ON COLUMN users.email IS 'In lower case (see customers.email). Unique within the tenant: one person may work in two shops, as two users.';
COMMENT ON COLUMN users.duty IS 'owner: everything; clerk: orders and refunds; packer: shipments and stock.';
COMMENT ON COLUMN users.left_at IS 'When the person left; NULL while working here. The row stays, because refunds name it.';
COMMENT ON CONSTRAINT fk_users_tenant_id ON users IS 'RESTRICT: a tenant with people is closed, not removed.';

CREATE TRIGGER trg_users_touch BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
