-- Which other tool's ledger stands in this database. PostgreSQL 14 and later; cost: catalog lookups only.
-- dbmate and golang-migrate share a table name; golang-migrate's has a column "dirty".
SELECT tool
FROM (
    VALUES
        ('sqlx', to_regclass('_sqlx_migrations')),
        ('refinery', to_regclass('refinery_schema_history')),
        ('flyway', to_regclass('flyway_schema_history')),
        (
            CASE
                WHEN EXISTS (
                    SELECT FROM pg_attribute
                    WHERE attrelid = to_regclass('schema_migrations') AND attname = 'dirty'
                ) THEN 'golang-migrate'
                ELSE 'dbmate'
            END,
            to_regclass('schema_migrations')
        )
) AS known (tool, ledger)
WHERE ledger IS NOT NULL
LIMIT 1
