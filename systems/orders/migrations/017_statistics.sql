-- What the server cannot know by itself: an account belongs to one shop. It multiplies the share of the shop by the share of
-- the account, takes a thousand entries for twenty, and joins them by a look-up each (evidence/bad-plan.md). A functional
-- dependency is the least that repairs it: smaller than a list of common values, and true for every shop.

CREATE STATISTICS st_ledger_entries_account_id (dependencies) ON tenant_id, account_id FROM ledger_entries;
COMMENT ON STATISTICS st_ledger_entries_account_id IS 'An account determines its shop. Without it account_months is planned for a few percent of its rows.';

-- Until then the object is empty.
ANALYZE ledger_entries;
