-- Store credit: what a shop owes a customer, as an account of the ledger that never goes below zero.
--
-- The balance of an account is the sum of its entries. For cash or sales nobody stores it: one row that every payment of
-- the shop must update would let them queue one behind the other, for a number that is read a few times a day. A
-- customer's credit is the opposite: few writers, and a rule to hold at every moment. So the balance is stored where a
-- rule needs it, and only there.

ALTER TABLE accounts ADD COLUMN customer_id bigint;
ALTER TABLE accounts ADD COLUMN balance_minor bigint;
ALTER TABLE accounts ADD CONSTRAINT fk_accounts_customer_id FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id) ON DELETE RESTRICT NOT VALID;
-- The table holds a handful of rows per shop: checking them at once takes no time worth a second step.
ALTER TABLE accounts DROP CONSTRAINT ck_accounts_kind;
ALTER TABLE accounts ADD CONSTRAINT ck_accounts_kind CHECK (kind IN ('cash', 'receivable', 'sales', 'returns', 'fees', 'goodwill', 'store_credit'));
ALTER TABLE accounts ADD CONSTRAINT ck_accounts_customer_id CHECK ((kind = 'store_credit') = (customer_id IS NOT NULL));
ALTER TABLE accounts ADD CONSTRAINT ck_accounts_balance_minor CHECK (balance_minor >= 0);
ALTER TABLE accounts ADD CONSTRAINT ck_accounts_balance_kept CHECK ((kind = 'store_credit') = (balance_minor IS NOT NULL));
ALTER TABLE accounts DROP CONSTRAINT uq_accounts_kind_currency;
CREATE UNIQUE INDEX uq_accounts_kind_currency ON accounts (tenant_id, kind, currency) WHERE customer_id IS NULL;
CREATE UNIQUE INDEX uq_accounts_customer_id_currency ON accounts (tenant_id, customer_id, currency) WHERE customer_id IS NOT NULL;
COMMENT ON TABLE accounts IS 'The accounts of a shop: one of each kind per currency, and one of store credit per customer and currency.';
COMMENT ON COLUMN accounts.kind IS 'cash: at the provider; receivable: ordered and not paid; sales: earned; returns: given back; fees: the provider''s share; goodwill: given away; store_credit: owed to a customer.';
COMMENT ON COLUMN accounts.customer_id IS 'Whose store credit it is; NULL for the accounts of the shop.';
COMMENT ON COLUMN accounts.balance_minor IS 'Denormalised: what is left of the credit, the negated sum of ledger_entries.amount_minor, kept by keep_store_credits. The check is what makes spending too much impossible. NULL for accounts of the shop, on purpose.';
COMMENT ON CONSTRAINT fk_accounts_customer_id ON accounts IS 'RESTRICT: whom the shop owes money stays known.';

ALTER TABLE ledger_transactions DROP CONSTRAINT ck_ledger_transactions_kind;
ALTER TABLE ledger_transactions ADD CONSTRAINT ck_ledger_transactions_kind
    CHECK (kind IN ('order_placed', 'order_cancelled', 'payment_captured', 'payment_refunded', 'credit_granted', 'credit_spent')) NOT VALID;
ALTER TABLE payments DROP CONSTRAINT ck_payments_method;
ALTER TABLE payments ADD CONSTRAINT ck_payments_method CHECK (method IN ('card', 'transfer', 'store_credit')) NOT VALID;

CREATE FUNCTION open_store_credit() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    NEW.balance_minor := CASE NEW.kind WHEN 'store_credit' THEN 0 END;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION open_store_credit() IS 'A credit begins with accounts.balance_minor 0, whatever the writer says: only entries change it.';

CREATE TRIGGER trg_accounts_open BEFORE INSERT ON accounts
    FOR EACH ROW EXECUTE FUNCTION open_store_credit();

CREATE FUNCTION keep_store_credits() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    delta record;
BEGIN
    -- Entries are only ever inserted, so there is nothing to take back.
    FOR delta IN
        SELECT n.tenant_id, n.account_id, sum(n.amount_minor) AS amount
        FROM new_rows AS n GROUP BY n.tenant_id, n.account_id ORDER BY n.tenant_id, n.account_id
    LOOP
        UPDATE public.accounts AS a SET balance_minor = a.balance_minor - delta.amount
        WHERE a.tenant_id = delta.tenant_id AND a.id = delta.account_id AND a.kind = 'store_credit';
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION keep_store_credits() IS 'Keeps accounts.balance_minor of store credit. SECURITY DEFINER: no role may write it itself.';

CREATE TRIGGER trg_ledger_entries_credit_insert AFTER INSERT ON ledger_entries
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_store_credits();

GRANT INSERT (customer_id) ON accounts TO orders_app;
-- Locking a row with FOR UPDATE needs UPDATE on some column; of accounts that is the one without a meaning.
GRANT UPDATE (created_at) ON accounts TO orders_app;
