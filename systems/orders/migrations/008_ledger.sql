-- The books: double entry, append-only. Every amount that moves is written twice, to what it came from and to what it went
-- to; positive is debit, negative is credit, and a transaction sums to zero in every currency.

CREATE TABLE accounts (
    tenant_id  bigint      NOT NULL,
    id         bigint      GENERATED ALWAYS AS IDENTITY,
    kind       text        NOT NULL,
    currency   text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_accounts PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_accounts_kind_currency UNIQUE (tenant_id, kind, currency),
    CONSTRAINT fk_accounts_tenant_id FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE RESTRICT,
    CONSTRAINT fk_accounts_currency FOREIGN KEY (currency) REFERENCES currencies (code) ON DELETE RESTRICT,
    CONSTRAINT ck_accounts_kind CHECK (kind IN ('cash', 'receivable', 'sales', 'returns', 'fees'))
);
COMMENT ON TABLE accounts IS 'The accounts of a shop: one of each kind per currency.';
COMMENT ON COLUMN accounts.kind IS 'cash: at the provider; receivable: ordered and not paid; sales: earned; returns: given back; fees: the provider''s share.';
COMMENT ON COLUMN accounts.currency IS 'Of all its entries. An entry has no currency of its own, so the two cannot disagree.';
COMMENT ON CONSTRAINT fk_accounts_tenant_id ON accounts IS 'RESTRICT: books are kept.';
COMMENT ON CONSTRAINT fk_accounts_currency ON accounts IS 'RESTRICT: a currency in use stays known.';

CREATE TRIGGER trg_accounts_identity AFTER UPDATE OF kind, currency ON accounts
    FOR EACH ROW WHEN ((NEW.kind, NEW.currency) IS DISTINCT FROM (OLD.kind, OLD.currency))
    EXECUTE FUNCTION refuse_change('entries rest on the kind and the currency of their account');

CREATE TABLE ledger_transactions (
    tenant_id       bigint      NOT NULL,
    id              bigint      GENERATED ALWAYS AS IDENTITY,
    kind            text        NOT NULL,
    order_id        bigint,
    entry_count     smallint    NOT NULL,
    idempotency_key text        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_ledger_transactions PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_ledger_transactions_idempotency_key UNIQUE (tenant_id, idempotency_key),
    CONSTRAINT fk_ledger_transactions_tenant_id FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE RESTRICT,
    CONSTRAINT fk_ledger_transactions_order_id FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id) ON DELETE RESTRICT,
    CONSTRAINT ck_ledger_transactions_kind CHECK (kind IN ('order_placed', 'order_cancelled', 'payment_captured', 'payment_refunded')),
    CONSTRAINT ck_ledger_transactions_entry_count CHECK (entry_count BETWEEN 2 AND 100),
    CONSTRAINT ck_ledger_transactions_idempotency_key CHECK (char_length(idempotency_key) BETWEEN 1 AND 100)
);
COMMENT ON TABLE ledger_transactions IS 'One business event in the books: written once, never updated, never deleted. A mistake is reversed by another one.';
COMMENT ON COLUMN ledger_transactions.order_id IS 'The order it is about; NULL when it is about none.';
COMMENT ON COLUMN ledger_transactions.entry_count IS 'Denormalised: number of its entries, declared when it is opened and held by check_ledger_transactions. It seals the transaction: an entry added later would not be counted.';
COMMENT ON COLUMN ledger_transactions.idempotency_key IS 'What it books, as a word: capture:17. The same event cannot be booked twice, whoever tries again.';
COMMENT ON CONSTRAINT fk_ledger_transactions_tenant_id ON ledger_transactions IS 'RESTRICT: books are kept.';
COMMENT ON CONSTRAINT fk_ledger_transactions_order_id ON ledger_transactions IS 'RESTRICT: books are kept.';
CREATE INDEX ix_ledger_transactions_order_id ON ledger_transactions (tenant_id, order_id);

CREATE TABLE ledger_entries (
    tenant_id      bigint   NOT NULL,
    transaction_id bigint   NOT NULL,
    entry_no       smallint NOT NULL,
    account_id     bigint   NOT NULL,
    amount_minor   bigint   NOT NULL,
    CONSTRAINT pk_ledger_entries PRIMARY KEY (tenant_id, transaction_id, entry_no),
    CONSTRAINT fk_ledger_entries_transaction_id FOREIGN KEY (tenant_id, transaction_id) REFERENCES ledger_transactions (tenant_id, id) ON DELETE RESTRICT,
    CONSTRAINT fk_ledger_entries_account_id FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id) ON DELETE RESTRICT,
    CONSTRAINT ck_ledger_entries_entry_no CHECK (entry_no > 0),
    CONSTRAINT ck_ledger_entries_amount_minor CHECK (amount_minor <> 0)
);
COMMENT ON TABLE ledger_entries IS 'The two sides (or more) of a transaction: written once, never updated, never deleted. The largest table.';
COMMENT ON COLUMN ledger_entries.amount_minor IS 'In minor units of the account''s currency. Positive is debit, negative is credit.';
COMMENT ON CONSTRAINT fk_ledger_entries_transaction_id ON ledger_entries IS 'RESTRICT: books are kept.';
COMMENT ON CONSTRAINT fk_ledger_entries_account_id ON ledger_entries IS 'RESTRICT: books are kept.';
CREATE INDEX ix_ledger_entries_account_id ON ledger_entries (tenant_id, account_id, transaction_id DESC) INCLUDE (amount_minor);

-- Deferred: a transaction is balanced at its COMMIT, not after its first entry. It looks only at rows of the transaction
-- it was fired for, and nobody else can write those: their header is new and unseen until then.
CREATE FUNCTION check_ledger_transactions() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    checked bigint := CASE TG_TABLE_NAME WHEN 'ledger_transactions' THEN (to_jsonb(NEW) ->> 'id')::bigint ELSE (to_jsonb(NEW) ->> 'transaction_id')::bigint END;
    declared smallint;
    entries bigint;
    unbalanced text;
BEGIN
    SELECT t.entry_count INTO declared FROM public.ledger_transactions AS t
    WHERE t.tenant_id = NEW.tenant_id AND t.id = checked;
    SELECT sum(s.entries), string_agg(s.currency || ' ' || s.amount, ', ') FILTER (WHERE s.amount <> 0)
    INTO entries, unbalanced
    FROM (
        SELECT a.currency, count(*) AS entries, sum(e.amount_minor) AS amount
        FROM public.ledger_entries AS e
        JOIN public.accounts AS a ON a.tenant_id = e.tenant_id AND a.id = e.account_id
        WHERE e.tenant_id = NEW.tenant_id AND e.transaction_id = checked
        GROUP BY a.currency
    ) AS s;
    IF unbalanced IS NOT NULL THEN
        RAISE EXCEPTION 'ledger transaction % is not balanced: %', checked, unbalanced
            USING ERRCODE = 'check_violation', TABLE = 'ledger_entries', COLUMN = 'amount_minor';
    END IF;
    IF entries IS DISTINCT FROM declared THEN
        RAISE EXCEPTION 'ledger transaction % declares % entries and has %', checked, declared, coalesce(entries, 0)
            USING ERRCODE = 'check_violation', TABLE = 'ledger_transactions', COLUMN = 'entry_count';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION check_ledger_transactions() IS 'A transaction sums to zero in every currency and has as many entries as ledger_transactions.entry_count says.';

CREATE CONSTRAINT TRIGGER trg_ledger_transactions_balance AFTER INSERT ON ledger_transactions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_ledger_transactions();
CREATE CONSTRAINT TRIGGER trg_ledger_entries_balance AFTER INSERT ON ledger_entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_ledger_transactions();

CREATE TRIGGER trg_ledger_transactions_immutable AFTER UPDATE OR DELETE ON ledger_transactions
    FOR EACH ROW EXECUTE FUNCTION refuse_change('the ledger is append-only: reverse it by another transaction');
CREATE TRIGGER trg_ledger_transactions_keep BEFORE TRUNCATE ON ledger_transactions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('the ledger is append-only');
CREATE TRIGGER trg_ledger_entries_immutable AFTER UPDATE OR DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change('the ledger is append-only: reverse it by another transaction');
CREATE TRIGGER trg_ledger_entries_keep BEFORE TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('the ledger is append-only');

ALTER TABLE accounts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON accounts TO orders_app
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::bigint));
CREATE POLICY owner_maintenance ON accounts TO orders_owner USING (true);
CREATE POLICY analyst_reading ON accounts FOR SELECT TO orders_analyst USING (true);

ALTER TABLE ledger_transactions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON ledger_transactions TO orders_app
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::bigint));
CREATE POLICY owner_maintenance ON ledger_transactions TO orders_owner USING (true);
CREATE POLICY analyst_reading ON ledger_transactions FOR SELECT TO orders_analyst USING (true);

ALTER TABLE ledger_entries ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON ledger_entries TO orders_app
    USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::bigint));
CREATE POLICY owner_maintenance ON ledger_entries TO orders_owner USING (true);
CREATE POLICY analyst_reading ON ledger_entries FOR SELECT TO orders_analyst USING (true);

GRANT SELECT ON accounts, ledger_transactions, ledger_entries TO orders_app, orders_analyst;
GRANT INSERT (tenant_id, kind, currency) ON accounts TO orders_app;
GRANT INSERT (tenant_id, kind, order_id, entry_count, idempotency_key) ON ledger_transactions TO orders_app;
GRANT INSERT (tenant_id, transaction_id, entry_no, account_id, amount_minor) ON ledger_entries TO orders_app;
