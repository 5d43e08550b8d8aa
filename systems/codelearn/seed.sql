-- A small shop to start with: realistic, the same on every machine, and safe to run again. Rows have fixed ids and fixed
-- times; a row that is there already is left alone. Counters and summaries follow through their triggers.
-- The hashes below belong to no password: nobody can log in with seed data.

INSERT INTO users (id, email, slug, display_name, language_code, time_zone, created_at, updated_at, deleted_at)
OVERRIDING SYSTEM VALUE VALUES
    (1, 'ada.lind@example.com', 'ada-lind', 'Ada Lind', 'en', 'Europe/Stockholm', '2025-01-02 09:00:00+00', '2025-01-02 09:00:00+00', NULL),
    (2, 'Bruno.Costa@example.com', 'bruno-costa', 'Bruno Costa', 'pt', 'America/Sao_Paulo', '2025-01-03 09:00:00+00', '2025-01-03 09:00:00+00', NULL),
    (3, 'chen.wei@example.org', 'chen-wei', 'Chen Wei', 'en', 'Asia/Singapore', '2025-01-04 09:00:00+00', '2025-01-04 09:00:00+00', NULL),
    (4, 'dana.novak@example.com', 'dana-novak', 'Dana Novak', 'de', 'Europe/Vienna', '2025-01-05 09:00:00+00', '2025-01-05 09:00:00+00', NULL),
    (5, 'elif.kaya@example.net', 'elif-kaya', 'Elif Kaya', 'en', 'Europe/Istanbul', '2025-01-06 09:00:00+00', '2025-01-06 09:00:00+00', NULL),
    (6, 'femi.ade@example.com', 'femi-ade', 'Femi Ade', 'en', 'Africa/Lagos', '2025-01-07 09:00:00+00', '2025-01-07 09:00:00+00', NULL),
    (7, 'greta.holm@example.org', 'greta-holm', 'Greta Holm', 'en', 'Europe/Oslo', '2025-01-08 09:00:00+00', '2025-01-08 09:00:00+00', NULL),
    (8, 'hugo.martin@example.com', 'hugo-martin', 'Hugo Martin', 'fr', 'Europe/Paris', '2025-01-09 09:00:00+00', '2025-01-09 09:00:00+00', NULL),
    (9, 'ines.vidal@example.net', 'ines-vidal', 'Ines Vidal', 'es', 'Europe/Madrid', '2025-01-10 09:00:00+00', '2025-01-10 09:00:00+00', NULL),
    (10, 'jonas.weber@example.com', 'jonas-weber', 'Jonas Weber', 'de', 'Europe/Berlin', '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (11, 'kim.lee@example.org', 'kim-lee', 'Kim Lee', 'en', 'Asia/Seoul', '2025-01-12 09:00:00+00', '2025-01-12 09:00:00+00', NULL),
    (12, 'lena.old@example.com', 'lena-old', 'Lena Old', 'en', 'UTC', '2025-01-13 09:00:00+00', '2025-06-01 12:00:00+00', '2025-06-01 12:00:00+00')
ON CONFLICT DO NOTHING;

INSERT INTO credentials (user_id, password_hash, failed_attempt_count, locked_until, changed_at) VALUES
    (1, '$argon2id$v=19$m=19456,t=2,p=1$00vutwzdzB+XOrRopPdGdV$OpDzEXYFvxTXJjS8G1x79V7HMh5HQ1HFO/1P2SbhBEu', 0, NULL, '2025-01-02 09:00:00+00'),
    (2, '$2b$12$3GDEykdgZheeE5MYqJTMqnvTBzGJ5PgFlQWATwCHDk0FbfP0.o.Kr', 0, NULL, '2025-01-03 09:00:00+00'),
    (3, '$argon2id$v=19$m=19456,t=2,p=1$cYhxRKFr3zGFYEvh2rtCf+$LOfNf+idgrIN8Y6xLvfK5L2Bu4oV0mRDGa2YnRE7d4x', 0, NULL, '2025-01-04 09:00:00+00'),
    (4, '$2b$12$f.Max91RSpeDOSTPAT8jkVOKOuetejeljGkGP5zW7SlG/hPGnlHxE', 0, NULL, '2025-01-05 09:00:00+00'),
    (5, '$argon2id$v=19$m=19456,t=2,p=1$FcE8LTKGdrSFzxS9m0E5dS$/eGc4eQcPH+c5VMtyxxvP9yDFBEq9a0wO8nZcpBjpQI', 0, NULL, '2025-01-06 09:00:00+00'),
    (6, '$2b$12$oigo4ZEEwmoW9TmjHWQzlHNqx3Agt2QIgVCpexVXP5BbmrswW5GZi', 1, NULL, '2025-01-07 09:00:00+00'),
    (7, '$argon2id$v=19$m=19456,t=2,p=1$/SnScuDqq/iIdWVPuhfiC8$FlpDhHdBG1O3XvVAwQd8fRjs1+K5s32mSbOUzfN6Gu+', 0, NULL, '2025-01-08 09:00:00+00'),
    (8, '$2b$12$5nPaKcUcFsPyLKzdqPnxxeFD.PYn004CvKCLCdpQGJun0VMl7IelJ', 0, NULL, '2025-01-09 09:00:00+00'),
    (9, '$argon2id$v=19$m=19456,t=2,p=1$RGPg38Z5WVJ3mGhci+ji1l$AnfnKy6C9UlUCZDuY8mMiOcK6SbHg92KlQRpl6XWWtT', 10, '2025-03-01 10:15:00+00', '2025-01-10 09:00:00+00'),
    (10, '$2b$12$JxGjE996jr0qcxbzv7OBWODZP/JQ5U1EFpUFLstton84lLRV4XrQf', 0, NULL, '2025-01-11 09:00:00+00'),
    (11, '$argon2id$v=19$m=19456,t=2,p=1$lkbsKmx329nfDGjOHfUhyF$X2X2xh6nm86Ek6Hyb78RwiOBAVbvBsW81C1Qui/kx5q', 0, NULL, '2025-01-12 09:00:00+00'),
    (12, '$2b$12$0wecUPEwqsHAA7rco2h468LPPi2FCPlmp9c.jDFNO2qeaRj7dr4AO', 0, NULL, '2025-01-13 09:00:00+00')
ON CONFLICT DO NOTHING;

-- Ada and Chen teach and learn.
INSERT INTO students (user_id, weekly_goal_minutes, created_at) VALUES
    (1, 120, '2025-01-02 09:00:00+00'),
    (3, NULL, '2025-01-04 09:00:00+00'),
    (4, 180, '2025-01-05 09:00:00+00'),
    (5, 60, '2025-01-06 09:00:00+00'),
    (6, 120, '2025-01-07 09:00:00+00'),
    (7, NULL, '2025-01-08 09:00:00+00'),
    (8, 300, '2025-01-09 09:00:00+00'),
    (9, NULL, '2025-01-10 09:00:00+00'),
    (10, 60, '2025-01-11 09:00:00+00'),
    (11, NULL, '2025-01-12 09:00:00+00'),
    (12, NULL, '2025-01-13 09:00:00+00')
ON CONFLICT DO NOTHING;

INSERT INTO instructors (user_id, headline, biography, created_at, updated_at) VALUES
    (1, 'Database engineer and author', 'Twenty years of PostgreSQL in production, and the scars to teach from.', '2025-01-02 10:00:00+00', '2025-01-02 10:00:00+00'),
    (2, 'Product designer', NULL, '2025-01-03 10:00:00+00', '2025-01-03 10:00:00+00'),
    (3, 'Systems programmer', 'Writes compilers by day and explains them by night.', '2025-01-04 10:00:00+00', '2025-01-04 10:00:00+00')
ON CONFLICT DO NOTHING;

INSERT INTO categories (id, parent_id, slug, title, sort_order) OVERRIDING SYSTEM VALUE VALUES
    (1, NULL, 'programming', 'Programming', 1),
    (2, NULL, 'design', 'Design', 2),
    (3, NULL, 'business', 'Business', 3),
    (4, 1, 'databases', 'Databases', 1),
    (5, 1, 'web-development', 'Web development', 2),
    (6, 1, 'systems-programming', 'Systems programming', 3),
    (7, 2, 'interface-design', 'Interface design', 1),
    (8, 2, 'typography', 'Typography', 2),
    (9, 3, 'finance', 'Finance', 1),
    (10, 3, 'leadership', 'Leadership', 2),
    (11, 4, 'postgresql', 'PostgreSQL', 1)
ON CONFLICT DO NOTHING;

INSERT INTO tags (id, slug, title) OVERRIDING SYSTEM VALUE VALUES
    (1, 'sql', 'SQL'), (2, 'performance', 'Performance'), (3, 'beginners', 'Beginners'), (4, 'rust', 'Rust'),
    (5, 'figma', 'Figma'), (6, 'testing', 'Testing'), (7, 'career', 'Career'), (8, 'data-modelling', 'Data modelling')
ON CONFLICT DO NOTHING;

INSERT INTO courses (id, instructor_id, category_id, slug, title, subtitle, description, language_code, difficulty, status, price,
    currency, seat_limit, published_at, created_at, updated_at, deleted_at)
OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 11, 'postgresql-from-the-ground-up', 'PostgreSQL from the ground up', 'Tables, keys and queries that last',
        'Start with an empty database and end with one you would trust: types, constraints, joins, transactions and indexes.',
        'en', 'beginner', 'published', 49.00, 'USD', NULL, '2025-02-01 08:00:00+00', '2025-01-10 08:00:00+00', '2025-02-01 08:00:00+00', NULL),
    (2, 1, 4, 'query-plans-in-depth', 'Query plans in depth', 'Read what the planner says and make it right',
        'Costs, statistics, joins and the art of changing one thing at a time. Small live group.',
        'en', 'advanced', 'published', 199.00, 'USD', 3, '2025-02-15 08:00:00+00', '2025-01-20 08:00:00+00', '2025-02-15 08:00:00+00', NULL),
    (3, 3, 6, 'rust-for-the-patient', 'Rust for the patient', NULL,
        'Ownership without tears: a slow and complete tour, with exercises after every step.',
        'en', 'intermediate', 'published', 79.00, 'EUR', NULL, '2025-03-01 08:00:00+00', '2025-02-01 08:00:00+00', '2025-03-01 08:00:00+00', NULL),
    (4, 2, 7, 'interfaces-people-understand', 'Interfaces people understand', 'Clarity before beauty',
        'How people read a screen, and how to draw one they can use without a manual.',
        'en', 'beginner', 'published', 0.00, 'USD', NULL, '2025-03-10 08:00:00+00', '2025-02-10 08:00:00+00', '2025-03-10 08:00:00+00', NULL),
    (5, 1, 4, 'data-modelling-workshop', 'Data modelling workshop', 'From napkin to normal form',
        'A workshop in preparation: bring your own domain.',
        'en', 'intermediate', 'draft', 120.00, 'EUR', 12, NULL, '2025-04-01 08:00:00+00', '2025-04-01 08:00:00+00', NULL),
    (6, 2, 8, 'type-on-paper', 'Type on paper', NULL,
        'Letterpress and layout; no longer for sale, students keep it.',
        'en', 'beginner', 'archived', 29.00, 'USD', NULL, '2025-01-20 08:00:00+00', '2025-01-12 08:00:00+00', '2025-05-01 08:00:00+00', NULL),
    (7, 3, 5, 'web-servers-by-hand', 'Web servers by hand', 'Sockets to requests',
        'Taken down by its author; the address may be used again.',
        'en', 'advanced', 'published', 59.00, 'USD', NULL, '2025-02-20 08:00:00+00', '2025-02-01 08:00:00+00', '2025-05-20 08:00:00+00', '2025-05-20 08:00:00+00')
ON CONFLICT DO NOTHING;

INSERT INTO course_tags (course_id, tag_id) VALUES
    (1, 1), (1, 3), (1, 8), (2, 1), (2, 2), (3, 4), (3, 6), (4, 3), (4, 5), (5, 8), (7, 4)
ON CONFLICT DO NOTHING;

INSERT INTO course_instructors (course_id, instructor_id, teaching_role, revenue_share, joined_at) VALUES
    (1, 3, 'co_instructor', 20.00, '2025-01-15 08:00:00+00'),
    (1, 2, 'reviewer', 0.00, '2025-01-16 08:00:00+00'),
    (2, 3, 'assistant', 7.50, '2025-02-01 08:00:00+00')
ON CONFLICT DO NOTHING;
