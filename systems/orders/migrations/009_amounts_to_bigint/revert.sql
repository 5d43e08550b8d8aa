-- Back to before expand.sql. What the next version wrote is in unit_price_cents as well, so nothing is lost.

DROP TRIGGER trg_order_lines_sync_price ON order_lines;
DROP FUNCTION sync_order_line_prices();
ALTER TABLE order_lines DROP COLUMN unit_price_minor;
