-- name: ledger_sealed
-- recount: ledger_transactions.entry_count
-- A transaction has the entries that it declared, no fewer and none added later.
SELECT t.tenant_id, t.id, t.entry_count, e.entries
FROM ledger_transactions AS t
LEFT JOIN (
    SELECT tenant_id, transaction_id, count(*) AS entries FROM ledger_entries GROUP BY tenant_id, transaction_id
) AS e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id
WHERE t.entry_count IS DISTINCT FROM coalesce(e.entries, 0);
