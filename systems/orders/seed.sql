-- Two small shops to start with: realistic, the same on every machine, and safe to run again. Rows have fixed ids and fixed
-- times; a row that is there already is left alone. Totals, levels and balances follow through their triggers.

INSERT INTO currencies (code, title, minor_digits) VALUES
    ('CHF', 'Swiss franc', 2), ('DKK', 'Danish krone', 2), ('EUR', 'Euro', 2), ('GBP', 'Pound sterling', 2), ('JPY', 'Yen', 0),
    ('KWD', 'Kuwaiti dinar', 3), ('NOK', 'Norwegian krone', 2), ('SEK', 'Swedish krona', 2), ('USD', 'US dollar', 2), ('VND', 'Dong', 0)
ON CONFLICT (code) DO NOTHING;

INSERT INTO tenants (id, slug, title, currency, created_at, updated_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 'nordic-lamps', 'Nordic Lamps', 'EUR', '2025-01-02 09:00:00+00', '2025-01-02 09:00:00+00'),
    (2, 'kyoto-tea', 'Kyoto Tea', 'JPY', '2025-02-02 09:00:00+00', '2025-02-02 09:00:00+00')
ON CONFLICT (id) DO NOTHING;

INSERT INTO users (tenant_id, id, email, display_name, duty, left_at, created_at, updated_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 'astrid@nordic-lamps.example', 'Astrid Berg', 'owner', NULL, '2025-01-02 09:00:00+00', '2025-01-02 09:00:00+00'),
    (1, 2, 'bengt@nordic-lamps.example', 'Bengt Dahl', 'clerk', NULL, '2025-01-02 09:00:00+00', '2025-01-02 09:00:00+00'),
    (1, 3, 'cilla@nordic-lamps.example', 'Cilla Ek', 'packer', '2026-03-31 16:00:00+00', '2025-01-02 09:00:00+00', '2026-03-31 16:00:00+00'),
    (2, 4, 'daichi@kyoto-tea.example', 'Daichi Mori', 'owner', NULL, '2025-02-02 09:00:00+00', '2025-02-02 09:00:00+00'),
    -- The same person as in the other shop: another user.
    (2, 5, 'bengt@nordic-lamps.example', 'Bengt Dahl', 'clerk', NULL, '2025-02-02 09:00:00+00', '2025-02-02 09:00:00+00')
ON CONFLICT (tenant_id, id) DO NOTHING;

INSERT INTO products (tenant_id, id, sku, title, description, archived_at, created_at, updated_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 'LAMP-01', 'Desk lamp Aalto', 'Brass and linen. *Bulb not included.*', NULL, '2025-01-03 09:00:00+00', '2025-01-03 09:00:00+00'),
    (1, 2, 'LAMP-02', 'Floor lamp Saimaa', NULL, NULL, '2025-01-03 09:00:00+00', '2025-01-03 09:00:00+00'),
    (1, 3, 'BULB-E27', 'Bulb, warm white', 'E27, 4 W.', NULL, '2025-01-03 09:00:00+00', '2025-01-03 09:00:00+00'),
    (1, 4, 'LAMP-00', 'Desk lamp, first edition', NULL, '2025-06-01 09:00:00+00', '2025-01-03 09:00:00+00', '2025-06-01 09:00:00+00'),
    (2, 5, 'TEA-SENCHA', 'Sencha, 100 g', NULL, NULL, '2025-02-03 09:00:00+00', '2025-02-03 09:00:00+00'),
    (2, 6, 'POT-IRON', 'Iron teapot', 'Cast by hand.', NULL, '2025-02-03 09:00:00+00', '2025-02-03 09:00:00+00')
ON CONFLICT (tenant_id, id) DO NOTHING;

INSERT INTO product_prices (tenant_id, id, product_id, currency, price_minor, valid_during, created_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 1, 'EUR', 8900, '[2025-01-03 09:00:00+00, 2025-07-01 00:00:00+00)', '2025-01-03 09:00:00+00'),
    (1, 2, 1, 'EUR', 9900, '[2025-07-01 00:00:00+00,)', '2025-06-20 09:00:00+00'),
    (1, 3, 2, 'EUR', 24900, '[2025-01-03 09:00:00+00,)', '2025-01-03 09:00:00+00'),
    (1, 4, 3, 'EUR', 490, '[2025-01-03 09:00:00+00,)', '2025-01-03 09:00:00+00'),
    (1, 5, 4, 'EUR', 6900, '[2025-01-03 09:00:00+00, 2025-06-01 00:00:00+00)', '2025-01-03 09:00:00+00'),
    (1, 6, 1, 'SEK', 109900, '[2025-07-01 00:00:00+00,)', '2025-06-20 09:00:00+00'),
    (2, 7, 5, 'JPY', 1200, '[2025-02-03 09:00:00+00,)', '2025-02-03 09:00:00+00'),
    (2, 8, 6, 'JPY', 9800, '[2025-02-03 09:00:00+00,)', '2025-02-03 09:00:00+00')
ON CONFLICT (tenant_id, id) DO NOTHING;

INSERT INTO customers (tenant_id, id, email, given_name, family_name, phone_number, created_at, updated_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 'ida.lund@example.com', 'Ida', 'Lund', '+46701112233', '2025-03-01 10:00:00+00', '2025-03-01 10:00:00+00'),
    (1, 2, 'jon.vik@example.org', 'Jon', 'Vik', NULL, '2025-07-04 10:00:00+00', '2025-07-04 10:00:00+00'),
    (1, 3, 'kira@example.net', 'Kira', NULL, '+358401234567', '2025-08-10 10:00:00+00', '2025-08-10 10:00:00+00'),
    (1, 4, 'lars.de.la.cruz@example.com', 'Lars', 'de la Cruz', NULL, '2025-09-10 10:00:00+00', '2025-09-10 10:00:00+00'),
    (2, 5, 'ida.lund@example.com', 'Ida', 'Lund', '+46701112233', '2025-03-05 10:00:00+00', '2025-03-05 10:00:00+00'),
    (2, 6, 'mei.tan@example.org', 'Mei', 'Tan', NULL, '2026-05-01 10:00:00+00', '2026-05-01 10:00:00+00')
ON CONFLICT (tenant_id, id) DO NOTHING;

INSERT INTO accounts (tenant_id, id, kind, currency, customer_id, created_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 'cash', 'EUR', NULL, '2025-01-02 09:00:00+00'), (1, 2, 'receivable', 'EUR', NULL, '2025-01-02 09:00:00+00'),
    (1, 3, 'sales', 'EUR', NULL, '2025-01-02 09:00:00+00'), (1, 4, 'returns', 'EUR', NULL, '2025-01-02 09:00:00+00'),
    (1, 5, 'fees', 'EUR', NULL, '2025-01-02 09:00:00+00'), (1, 6, 'goodwill', 'EUR', NULL, '2025-01-02 09:00:00+00'),
    (2, 7, 'cash', 'JPY', NULL, '2025-02-02 09:00:00+00'), (2, 8, 'receivable', 'JPY', NULL, '2025-02-02 09:00:00+00'),
    (2, 9, 'sales', 'JPY', NULL, '2025-02-02 09:00:00+00'), (2, 10, 'returns', 'JPY', NULL, '2025-02-02 09:00:00+00'),
    (2, 11, 'fees', 'JPY', NULL, '2025-02-02 09:00:00+00'), (2, 12, 'goodwill', 'JPY', NULL, '2025-02-02 09:00:00+00'),
    (1, 13, 'store_credit', 'EUR', 1, '2025-10-01 09:00:00+00')
ON CONFLICT (tenant_id, id) DO NOTHING;

INSERT INTO orders (tenant_id, id, customer_id, status, currency, idempotency_key, cancelled_at, metadata, created_at, updated_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 1, 'fulfilled', 'EUR', 'basket-0001', NULL, '{"campaign": "spring", "device": "phone"}', '2025-03-01 10:05:00+00', '2025-03-02 12:00:00+00'),
    (1, 2, 2, 'placed', 'EUR', 'basket-0002', NULL, '{}', '2026-06-01 10:05:00+00', '2026-06-01 10:05:00+00'),
    (1, 3, 1, 'placed', 'EUR', 'basket-0003', NULL, '{"gift_note": "For the cabin"}', '2026-06-02 10:05:00+00', '2026-06-02 10:05:00+00'),
    (1, 4, 1, 'placed', 'EUR', 'basket-0004', NULL, '{}', '2026-06-03 10:05:00+00', '2026-06-03 10:05:00+00'),
    (1, 5, 3, 'placed', 'EUR', 'basket-0005', NULL, '{"campaign": "summer"}', '2026-06-04 10:05:00+00', '2026-06-04 10:05:00+00'),
    (1, 6, 4, 'cancelled', 'EUR', 'basket-0006', '2025-09-11 08:00:00+00', '{}', '2025-09-10 10:05:00+00', '2025-09-11 08:00:00+00'),
    (2, 7, 5, 'fulfilled', 'JPY', 'basket-0001', NULL, '{}', '2025-03-05 10:05:00+00', '2025-03-06 12:00:00+00'),
    (2, 8, 6, 'placed', 'JPY', 'basket-0002', NULL, '{"campaign": "spring"}', '2026-05-01 10:05:00+00', '2026-05-01 10:05:00+00')
ON CONFLICT (tenant_id, id) DO NOTHING;

INSERT INTO order_lines (tenant_id, order_id, line_no, product_id, quantity, unit_price_minor) VALUES
    (1, 1, 1, 1, 1, 8900), (1, 1, 2, 3, 2, 490), (1, 2, 1, 1, 1, 9900), (1, 3, 1, 3, 4, 490), (1, 4, 1, 3, 2, 490),
    (1, 5, 1, 2, 1, 24900), (1, 6, 1, 3, 1, 490), (2, 7, 1, 5, 3, 1200), (2, 8, 1, 6, 1, 9800)
ON CONFLICT (tenant_id, order_id, line_no) DO NOTHING;

-- One floor lamp is left of two.
INSERT INTO stock_movements (tenant_id, id, product_id, reason, quantity, order_id, line_no, created_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 1, 'receipt', 20, NULL, NULL, '2025-01-05 08:00:00+00'), (1, 2, 2, 'receipt', 2, NULL, NULL, '2025-01-05 08:00:00+00'),
    (1, 3, 3, 'receipt', 100, NULL, NULL, '2025-01-05 08:00:00+00'), (1, 4, 4, 'receipt', 5, NULL, NULL, '2025-01-05 08:00:00+00'),
    (2, 5, 5, 'receipt', 50, NULL, NULL, '2025-02-05 08:00:00+00'), (2, 6, 6, 'receipt', 5, NULL, NULL, '2025-02-05 08:00:00+00'),
    (1, 7, 1, 'sale', -1, 1, 1, '2025-03-01 10:05:00+00'), (1, 8, 3, 'sale', -2, 1, 2, '2025-03-01 10:05:00+00'),
    (2, 9, 5, 'sale', -3, 7, 1, '2025-03-05 10:05:00+00'), (1, 10, 3, 'sale', -1, 6, 1, '2025-09-10 10:05:00+00'),
    (1, 11, 3, 'cancellation', 1, 6, 1, '2025-09-11 08:00:00+00'), (1, 12, 4, 'adjustment', -1, NULL, NULL, '2025-12-31 08:00:00+00'),
    (2, 13, 6, 'sale', -1, 8, 1, '2026-05-01 10:05:00+00'), (1, 14, 1, 'sale', -1, 2, 1, '2026-06-01 10:05:00+00'),
    (1, 15, 3, 'sale', -4, 3, 1, '2026-06-02 10:05:00+00'), (1, 16, 3, 'sale', -2, 4, 1, '2026-06-03 10:05:00+00'),
    (1, 17, 2, 'sale', -1, 5, 1, '2026-06-04 10:05:00+00')
ON CONFLICT (tenant_id, id) DO NOTHING;

-- Order 2 was authorised twice: the customer pressed the button again. One of them will be captured.
INSERT INTO payments (tenant_id, id, order_id, method, status, amount_minor, fee_minor, provider_reference, captured_at, created_at, updated_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 1, 'card', 'captured', 9880, 149, 'auth-0001', '2025-03-01 10:06:00+00', '2025-03-01 10:05:30+00', '2025-03-01 10:06:00+00'),
    (1, 2, 2, 'card', 'authorised', 9900, 149, 'auth-0002', NULL, '2026-06-01 10:05:30+00', '2026-06-01 10:05:30+00'),
    (1, 3, 2, 'card', 'authorised', 9900, 149, 'auth-0003', NULL, '2026-06-01 10:05:40+00', '2026-06-01 10:05:40+00'),
    (1, 4, 5, 'transfer', 'captured', 24900, 374, 'auth-0004', '2026-06-05 06:00:00+00', '2026-06-04 10:05:30+00', '2026-06-05 06:00:00+00'),
    (2, 5, 7, 'card', 'captured', 3600, 54, 'auth-0001', '2025-03-05 10:06:00+00', '2025-03-05 10:05:30+00', '2025-03-05 10:06:00+00'),
    (2, 6, 8, 'card', 'authorised', 9800, 147, 'auth-0002', NULL, '2026-05-01 10:05:30+00', '2026-05-01 10:05:30+00')
ON CONFLICT (tenant_id, id) DO NOTHING;

INSERT INTO refunds (tenant_id, id, payment_id, user_id, amount_minor, reason, idempotency_key, created_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 1, 2, 980, 'Bulbs arrived broken', 'form-0001', '2025-03-06 09:00:00+00')
ON CONFLICT (tenant_id, id) DO NOTHING;

INSERT INTO shipments (tenant_id, order_id, shipment_no, carrier, tracking_code, delivered_at, created_at) VALUES
    (1, 1, 1, 'post', 'SE0001', '2025-03-04 12:00:00+00', '2025-03-02 12:00:00+00'),
    (2, 7, 1, 'courier', 'JP0001', '2025-03-08 12:00:00+00', '2025-03-06 12:00:00+00')
ON CONFLICT (tenant_id, order_id, shipment_no) DO NOTHING;

INSERT INTO shipment_lines (tenant_id, order_id, shipment_no, line_no, quantity) VALUES
    (1, 1, 1, 1, 1), (1, 1, 1, 2, 2), (2, 7, 1, 1, 3)
ON CONFLICT (tenant_id, order_id, shipment_no, line_no) DO NOTHING;

INSERT INTO ledger_transactions (tenant_id, id, kind, order_id, entry_count, idempotency_key, created_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 'order_placed', 1, 2, 'order:1', '2025-03-01 10:05:00+00'), (1, 2, 'payment_captured', 1, 3, 'capture:1', '2025-03-01 10:06:00+00'),
    (1, 3, 'payment_refunded', 1, 2, 'refund:1', '2025-03-06 09:00:00+00'), (1, 4, 'order_placed', 2, 2, 'order:2', '2026-06-01 10:05:00+00'),
    (1, 5, 'order_placed', 3, 2, 'order:3', '2026-06-02 10:05:00+00'), (1, 6, 'order_placed', 4, 2, 'order:4', '2026-06-03 10:05:00+00'),
    (1, 7, 'order_placed', 5, 2, 'order:5', '2026-06-04 10:05:00+00'), (1, 8, 'payment_captured', 5, 3, 'capture:4', '2026-06-05 06:00:00+00'),
    (1, 9, 'order_placed', 6, 2, 'order:6', '2025-09-10 10:05:00+00'), (1, 10, 'order_cancelled', 6, 2, 'cancel:6', '2025-09-11 08:00:00+00'),
    (1, 11, 'credit_granted', NULL, 2, 'grant:gift-0001', '2025-10-01 09:00:00+00'),
    (2, 12, 'order_placed', 7, 2, 'order:7', '2025-03-05 10:05:00+00'), (2, 13, 'payment_captured', 7, 3, 'capture:5', '2025-03-05 10:06:00+00'),
    (2, 14, 'order_placed', 8, 2, 'order:8', '2026-05-01 10:05:00+00')
ON CONFLICT (tenant_id, id) DO NOTHING;

INSERT INTO ledger_entries (tenant_id, transaction_id, entry_no, account_id, amount_minor) VALUES
    (1, 1, 1, 2, 9880), (1, 1, 2, 3, -9880),
    (1, 2, 1, 1, 9731), (1, 2, 2, 2, -9880), (1, 2, 3, 5, 149),
    (1, 3, 1, 4, 980), (1, 3, 2, 1, -980),
    (1, 4, 1, 2, 9900), (1, 4, 2, 3, -9900),
    (1, 5, 1, 2, 1960), (1, 5, 2, 3, -1960),
    (1, 6, 1, 2, 980), (1, 6, 2, 3, -980),
    (1, 7, 1, 2, 24900), (1, 7, 2, 3, -24900),
    (1, 8, 1, 1, 24526), (1, 8, 2, 2, -24900), (1, 8, 3, 5, 374),
    (1, 9, 1, 2, 490), (1, 9, 2, 3, -490),
    (1, 10, 1, 3, 490), (1, 10, 2, 2, -490),
    (1, 11, 1, 6, 2000), (1, 11, 2, 13, -2000),
    (2, 12, 1, 8, 3600), (2, 12, 2, 9, -3600),
    (2, 13, 1, 7, 3546), (2, 13, 2, 8, -3600), (2, 13, 3, 11, 54),
    (2, 14, 1, 8, 9800), (2, 14, 2, 9, -9800)
ON CONFLICT (tenant_id, transaction_id, entry_no) DO NOTHING;

INSERT INTO outbox_events (tenant_id, created_at, id, topic, payload, attempt_count, last_error, available_at, published_at) VALUES
    (2, '2026-05-01 10:05:00+00', '6f1c2b1e-0000-4000-8000-000000000001', 'order.placed', '{"order_id": 8, "total_minor": 9800, "currency": "JPY"}', 1, NULL, '2026-05-01 10:05:00+00', '2026-05-01 10:05:02+00'),
    (1, '2026-06-04 10:05:00+00', '6f1c2b1e-0000-4000-8000-000000000002', 'order.placed', '{"order_id": 5, "total_minor": 24900, "currency": "EUR"}', 2, 'broker: timeout', '2026-06-04 10:06:00+00', '2026-06-04 10:06:01+00'),
    (1, '2026-06-05 06:00:00+00', '6f1c2b1e-0000-4000-8000-000000000003', 'payment.captured', '{"payment_id": 4, "order_id": 5, "amount_minor": 24900}', 0, NULL, '2026-06-05 06:00:00+00', NULL)
ON CONFLICT (tenant_id, created_at, id) DO NOTHING;

-- Identities go on above what is there; never backwards, whatever was inserted since.

SELECT setval('tenants_id_seq', greatest((SELECT max(id) FROM tenants), (SELECT last_value FROM tenants_id_seq)));
SELECT setval('users_id_seq', greatest((SELECT max(id) FROM users), (SELECT last_value FROM users_id_seq)));
SELECT setval('products_id_seq', greatest((SELECT max(id) FROM products), (SELECT last_value FROM products_id_seq)));
SELECT setval('product_prices_id_seq', greatest((SELECT max(id) FROM product_prices), (SELECT last_value FROM product_prices_id_seq)));
SELECT setval('customers_id_seq', greatest((SELECT max(id) FROM customers), (SELECT last_value FROM customers_id_seq)));
SELECT setval('accounts_id_seq', greatest((SELECT max(id) FROM accounts), (SELECT last_value FROM accounts_id_seq)));
SELECT setval('orders_id_seq', greatest((SELECT max(id) FROM orders), (SELECT last_value FROM orders_id_seq)));
SELECT setval('stock_movements_id_seq', greatest((SELECT max(id) FROM stock_movements), (SELECT last_value FROM stock_movements_id_seq)));
SELECT setval('payments_id_seq', greatest((SELECT max(id) FROM payments), (SELECT last_value FROM payments_id_seq)));
SELECT setval('refunds_id_seq', greatest((SELECT max(id) FROM refunds), (SELECT last_value FROM refunds_id_seq)));
SELECT setval('ledger_transactions_id_seq', greatest((SELECT max(id) FROM ledger_transactions), (SELECT last_value FROM ledger_transactions_id_seq)));
