-- No product is sold more often than it is in stock.
SELECT id, stock FROM products WHERE stock < 0;
