-- Deployed later than the tables, while the application runs.
COMMENT ON TABLE orders IS 'Who ordered what; one row per product of an order.';
