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
ON CONFLICT (id) DO NOTHING;

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
ON CONFLICT (user_id) DO NOTHING;

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
ON CONFLICT (user_id) DO NOTHING;

INSERT INTO instructors (user_id, headline, biography, created_at, updated_at) VALUES
    (1, 'Database engineer and author', 'Twenty years of PostgreSQL in production, and the scars to teach from.', '2025-01-02 10:00:00+00', '2025-01-02 10:00:00+00'),
    (2, 'Product designer', NULL, '2025-01-03 10:00:00+00', '2025-01-03 10:00:00+00'),
    (3, 'Systems programmer', 'Writes compilers by day and explains them by night.', '2025-01-04 10:00:00+00', '2025-01-04 10:00:00+00'),
    (8, 'Front-end developer', NULL, '2025-05-09 10:00:00+00', '2025-05-09 10:00:00+00')
ON CONFLICT (user_id) DO NOTHING;

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
ON CONFLICT (id) DO NOTHING;

INSERT INTO tags (id, slug, title) OVERRIDING SYSTEM VALUE VALUES
    (1, 'sql', 'SQL'), (2, 'performance', 'Performance'), (3, 'beginners', 'Beginners'), (4, 'rust', 'Rust'),
    (5, 'figma', 'Figma'), (6, 'testing', 'Testing'), (7, 'career', 'Career'), (8, 'data-modelling', 'Data modelling')
ON CONFLICT (id) DO NOTHING;

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
ON CONFLICT (id) DO NOTHING;

INSERT INTO course_tags (course_id, tag_id) VALUES
    (1, 1), (1, 3), (1, 8), (2, 1), (2, 2), (3, 4), (3, 6), (4, 3), (4, 5), (5, 8), (7, 4)
ON CONFLICT (course_id, tag_id) DO NOTHING;

INSERT INTO course_instructors (course_id, instructor_id, teaching_role, revenue_share, joined_at) VALUES
    (1, 3, 'co_instructor', 20.00, '2025-01-15 08:00:00+00'),
    (1, 2, 'reviewer', 0.00, '2025-01-16 08:00:00+00'),
    (2, 3, 'assistant', 7.50, '2025-02-01 08:00:00+00')
ON CONFLICT (course_id, instructor_id) DO NOTHING;
-- Gaps of ten in sort_order leave room to slip something in between.
INSERT INTO sections (id, course_id, sort_order, title, created_at, updated_at, deleted_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 10, 'First steps', '2025-01-11 08:00:00+00', '2025-01-11 08:00:00+00', NULL),
    (2, 1, 20, 'Keys and constraints', '2025-01-11 08:00:00+00', '2025-01-11 08:00:00+00', NULL),
    (3, 2, 10, 'Reading plans', '2025-01-11 08:00:00+00', '2025-01-11 08:00:00+00', NULL),
    (4, 2, 20, 'Changing plans', '2025-01-11 08:00:00+00', '2025-01-11 08:00:00+00', NULL),
    (5, 3, 10, 'Ownership', '2025-01-11 08:00:00+00', '2025-01-11 08:00:00+00', NULL),
    (6, 4, 10, 'Seeing', '2025-01-11 08:00:00+00', '2025-01-11 08:00:00+00', NULL),
    (7, 5, 10, 'Napkin', '2025-01-11 08:00:00+00', '2025-01-11 08:00:00+00', NULL),
    (8, 6, 10, 'Lead', '2025-01-11 08:00:00+00', '2025-01-11 08:00:00+00', NULL),
    (9, 7, 10, 'Sockets', '2025-01-11 08:00:00+00', '2025-01-11 08:00:00+00', NULL),
    (10, 1, 30, 'Outlook', '2025-01-11 08:00:00+00', '2025-03-05 08:00:00+00', '2025-03-05 08:00:00+00')
ON CONFLICT (id) DO NOTHING;

INSERT INTO lessons (id, section_id, sort_order, title, kind, content, duration_seconds, is_preview, created_at, updated_at, deleted_at)
OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 10, 'What a database is for', 'video', NULL, 420, true, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (2, 1, 20, 'Your first table', 'video', NULL, 600, true, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (3, 1, 30, 'Types that tell the truth', 'article', 'Choose the type that refuses what is wrong.', 480, false, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (4, 2, 10, 'Primary and foreign keys', 'video', NULL, 780, false, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (5, 2, 20, 'Check yourself', 'quiz', 'Five questions on keys.', 300, false, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (6, 3, 10, 'Anatomy of a plan', 'video', NULL, 900, true, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (7, 3, 20, 'Estimates and reality', 'video', NULL, 1200, false, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (8, 4, 10, 'Statistics', 'article', 'What ANALYZE keeps, and what it forgets.', 700, false, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (9, 4, 20, 'An index that helps', 'exercise', 'Make this query ten times cheaper.', 1500, false, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (10, 5, 10, 'Move and borrow', 'video', NULL, 1100, true, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (11, 5, 20, 'Lifetimes', 'video', NULL, 1300, false, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (12, 5, 30, 'Practice', 'exercise', 'Write a stack.', 1800, false, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (13, 6, 10, 'How eyes travel', 'video', NULL, 500, true, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (14, 6, 20, 'Contrast', 'article', 'Light, size, space.', 400, false, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (15, 7, 10, 'Nouns and verbs', 'article', 'Draft.', 0, false, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (16, 8, 10, 'The case', 'video', NULL, 640, true, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (17, 8, 20, 'The stick', 'video', NULL, 660, false, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (18, 9, 10, 'Listen and accept', 'video', NULL, 900, false, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (19, 10, 10, 'What comes next', 'article', 'To be written.', 60, false, '2025-01-11 09:00:00+00', '2025-01-11 09:00:00+00', NULL),
    (20, 1, 40, 'Installing version 9', 'article', 'Outdated.', 300, false, '2025-01-11 09:00:00+00', '2025-03-05 08:00:00+00', '2025-03-05 08:00:00+00')
ON CONFLICT (id) DO NOTHING;

INSERT INTO lesson_assets (id, lesson_id, kind, title, object_key, content_sha256, media_type, byte_size, created_at, deleted_at)
OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 'video', 'What a database is for', 'courses/1/lessons/1/video.mp4', '8e9d4144e056e94594bd8ae6ffa6d0c7f806652197f06ad97e3576d4ee50d753', 'video/mp4', 75600000, '2025-01-12 08:00:00+00', NULL),
    (2, 1, 'captions', 'Captions', 'courses/1/lessons/1/captions.vtt', 'c6123d5c839eb79a7c8d3867a6736b1af3d3ebdf2cec5a488fb2b109e41327bc', 'text/vtt', 8400, '2025-01-12 08:00:00+00', NULL),
    (3, 2, 'video', 'Your first table', 'courses/1/lessons/2/video.mp4', '42835f700d6984f47dc696cc438c076fc121292d7862db74c9d02298a2440516', 'video/mp4', 108000000, '2025-01-12 08:00:00+00', NULL),
    (4, 2, 'captions', 'Captions', 'courses/1/lessons/2/captions.vtt', 'c6123d5c839eb79a7c8d3867a6736b1af3d3ebdf2cec5a488fb2b109e41327bc', 'text/vtt', 12000, '2025-01-12 08:00:00+00', NULL),
    (5, 4, 'video', 'Primary and foreign keys', 'courses/1/lessons/4/video.mp4', '47ac1149df1787f8dde09b6cddf383d944348289afe123788ffd10226af14299', 'video/mp4', 140400000, '2025-01-12 08:00:00+00', NULL),
    (6, 6, 'video', 'Anatomy of a plan', 'courses/2/lessons/6/video.mp4', '2c1a04ee9ef1ecf95337dbd922569adaed491e63d6d29f6f73aaa5a949b4536a', 'video/mp4', 162000000, '2025-01-12 08:00:00+00', NULL),
    (7, 6, 'captions', 'Captions', 'courses/2/lessons/6/captions.vtt', 'c6123d5c839eb79a7c8d3867a6736b1af3d3ebdf2cec5a488fb2b109e41327bc', 'text/vtt', 18000, '2025-01-12 08:00:00+00', NULL),
    (8, 7, 'video', 'Estimates and reality', 'courses/2/lessons/7/video.mp4', '5107aea85050e183ca3fa3ac877aedef995193c1c079c4f90bccf3a02a0687cb', 'video/mp4', 216000000, '2025-01-12 08:00:00+00', NULL),
    (9, 10, 'video', 'Move and borrow', 'courses/3/lessons/10/video.mp4', '1c38680d6eee5e1922981b0534b40fcd97aee9d8cc7527de7a8cd7553c66a151', 'video/mp4', 198000000, '2025-01-12 08:00:00+00', NULL),
    (10, 10, 'captions', 'Captions', 'courses/3/lessons/10/captions.vtt', 'c6123d5c839eb79a7c8d3867a6736b1af3d3ebdf2cec5a488fb2b109e41327bc', 'text/vtt', 22000, '2025-01-12 08:00:00+00', NULL),
    (11, 11, 'video', 'Lifetimes', 'courses/3/lessons/11/video.mp4', 'df764e44bf77864bdb2828a02b5fa2b87275c66a3531ef95ff6b171b1a45891f', 'video/mp4', 234000000, '2025-01-12 08:00:00+00', NULL),
    (12, 13, 'video', 'How eyes travel', 'courses/4/lessons/13/video.mp4', '074b0aa5d1500905fe560c5362dc20d8562167f0ae9879532d6d21cc6b169bfb', 'video/mp4', 90000000, '2025-01-12 08:00:00+00', NULL),
    (13, 13, 'captions', 'Captions', 'courses/4/lessons/13/captions.vtt', 'c6123d5c839eb79a7c8d3867a6736b1af3d3ebdf2cec5a488fb2b109e41327bc', 'text/vtt', 10000, '2025-01-12 08:00:00+00', NULL),
    (14, 16, 'video', 'The case', 'courses/6/lessons/16/video.mp4', '4fbfcb8f681e18dc2e6361acdcd772b6d553bf43f6b2a564c674b12981b31ea3', 'video/mp4', 115200000, '2025-01-12 08:00:00+00', NULL),
    (15, 16, 'captions', 'Captions', 'courses/6/lessons/16/captions.vtt', 'c6123d5c839eb79a7c8d3867a6736b1af3d3ebdf2cec5a488fb2b109e41327bc', 'text/vtt', 12800, '2025-01-12 08:00:00+00', NULL),
    (16, 17, 'video', 'The stick', 'courses/6/lessons/17/video.mp4', '48dd23be4683b71bab841e1cffc95f417271912f7ce3864fc225f16e5fca7525', 'video/mp4', 118800000, '2025-01-12 08:00:00+00', NULL),
    (17, 18, 'video', 'Listen and accept', 'courses/7/lessons/18/video.mp4', 'c44ffe8c634f6eeaafae7c353993b5d90fa44306bb8a557fadb5dc743fbca63c', 'video/mp4', 162000000, '2025-01-12 08:00:00+00', NULL),
    (18, 1, 'slides', 'Slides, first edition', 'courses/1/lessons/1/slides-1.pdf', 'fd2c8f1dc03ce50ff48749f0a7a1bbf62f03c4960e07db60a4f55fedb3b752b5', 'application/pdf', 48211, '2025-01-12 08:00:00+00', '2025-03-05 08:00:00+00')
ON CONFLICT (id) DO NOTHING;

-- Course 2 has three seats and two students: the last seat is free.
INSERT INTO enrollments (id, user_id, course_id, status, last_lesson_id, completed_at, cancelled_at, created_at, updated_at)
OVERRIDING SYSTEM VALUE VALUES
    (1, 4, 1, 'completed', 5, '2025-03-20 18:00:00+00', NULL, '2025-02-03 08:00:00+00', '2025-03-20 18:00:00+00'),
    (2, 5, 1, 'active', 5, NULL, NULL, '2025-02-04 08:00:00+00', '2025-02-04 18:00:00+00'),
    (3, 6, 1, 'pending', NULL, NULL, NULL, '2025-05-02 08:00:00+00', '2025-05-02 18:00:00+00'),
    (4, 7, 1, 'cancelled', 1, NULL, '2025-02-20 18:00:00+00', '2025-02-05 08:00:00+00', '2025-02-20 18:00:00+00'),
    (5, 8, 2, 'active', 7, NULL, NULL, '2025-02-16 08:00:00+00', '2025-02-16 18:00:00+00'),
    (6, 9, 2, 'active', NULL, NULL, NULL, '2025-02-17 08:00:00+00', '2025-02-17 18:00:00+00'),
    (7, 4, 3, 'active', 12, NULL, NULL, '2025-03-02 08:00:00+00', '2025-03-02 18:00:00+00'),
    (8, 10, 4, 'completed', 14, '2025-03-15 18:00:00+00', NULL, '2025-03-11 08:00:00+00', '2025-03-15 18:00:00+00'),
    (9, 11, 4, 'active', 14, NULL, NULL, '2025-03-12 08:00:00+00', '2025-03-12 18:00:00+00'),
    (10, 1, 3, 'active', 11, NULL, NULL, '2025-03-03 08:00:00+00', '2025-03-03 18:00:00+00'),
    (11, 5, 6, 'completed', 17, '2025-02-25 18:00:00+00', NULL, '2025-01-25 08:00:00+00', '2025-02-25 18:00:00+00'),
    (12, 6, 7, 'active', NULL, NULL, NULL, '2025-02-21 08:00:00+00', '2025-02-21 18:00:00+00'),
    (13, 12, 1, 'active', 2, NULL, NULL, '2025-02-06 08:00:00+00', '2025-02-06 18:00:00+00'),
    (14, 8, 4, 'cancelled', NULL, NULL, '2025-03-13 18:00:00+00', '2025-03-12 08:00:00+00', '2025-03-13 18:00:00+00'),
    (15, 10, 3, 'pending', NULL, NULL, NULL, '2025-05-03 08:00:00+00', '2025-05-03 18:00:00+00')
ON CONFLICT (id) DO NOTHING;

INSERT INTO lesson_progress (enrollment_id, lesson_id, watched_seconds, started_at, completed_at) VALUES
    (1, 1, 400, '2025-03-16 17:00:00+00', '2025-03-16 17:30:00+00'),
    (1, 2, 407, '2025-03-17 17:00:00+00', '2025-03-17 17:30:00+00'),
    (1, 3, 414, '2025-03-18 17:00:00+00', '2025-03-18 17:30:00+00'),
    (1, 4, 421, '2025-03-19 17:00:00+00', '2025-03-19 17:30:00+00'),
    (1, 5, 428, '2025-03-20 17:00:00+00', '2025-03-20 17:30:00+00'),
    (2, 1, 380, '2025-02-10 17:00:00+00', '2025-02-10 17:30:00+00'),
    (2, 2, 389, '2025-02-11 17:00:00+00', '2025-02-11 17:30:00+00'),
    (2, 3, 398, '2025-02-12 17:00:00+00', '2025-02-12 17:30:00+00'),
    (2, 4, 407, '2025-02-13 17:00:00+00', '2025-02-13 17:30:00+00'),
    (4, 1, 35, '2025-02-06 17:00:00+00', NULL),
    (5, 6, 880, '2025-02-18 17:00:00+00', '2025-02-18 17:30:00+00'),
    (5, 7, 300, '2025-02-19 17:00:00+00', NULL),
    (7, 10, 1000, '2025-03-04 17:00:00+00', '2025-03-04 17:30:00+00'),
    (7, 11, 1001, '2025-03-05 17:00:00+00', '2025-03-05 17:30:00+00'),
    (10, 10, 1090, '2025-03-06 17:00:00+00', '2025-03-06 17:30:00+00'),
    (8, 13, 420, '2025-03-13 17:00:00+00', '2025-03-13 17:30:00+00'),
    (8, 14, 421, '2025-03-14 17:00:00+00', '2025-03-14 17:30:00+00'),
    (11, 16, 420, '2025-02-24 17:00:00+00', '2025-02-24 17:30:00+00'),
    (11, 17, 421, '2025-02-24 17:00:00+00', '2025-02-24 17:30:00+00'),
    (9, 13, 490, '2025-03-14 17:00:00+00', '2025-03-14 17:30:00+00'),
    (1, 20, 20, '2025-02-04 17:00:00+00', '2025-02-04 17:30:00+00')
ON CONFLICT (enrollment_id, lesson_id) DO NOTHING;

INSERT INTO certificates (id, enrollment_id, code, holder_name, course_title, issued_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 1, '6F1C0B52-8D3E-4A77-9B21-0C5E7A91D301', 'Dana Novak', 'PostgreSQL from the ground up', '2025-03-20 18:00:00+00'),
    (2, 8, 'A94D77E0-15B2-4C0F-8E66-3B8F02C4D902', 'Jonas Weber', 'Interfaces people understand', '2025-03-15 18:00:00+00'),
    (3, 11, '0D2B9C14-77AA-4E19-B3D5-91F6E8A0C403', 'Elif Kaya', 'Type on paper', '2025-02-25 18:00:00+00')
ON CONFLICT (id) DO NOTHING;

-- PLANS50 has one use left.
INSERT INTO coupons (id, code, course_id, percent_off, amount_off, currency, max_redemptions, max_per_user, valid_from, valid_until,
    created_at, updated_at, deleted_at)
OVERRIDING SYSTEM VALUE VALUES
    (1, 'WELCOME10', NULL, 10.00, NULL, NULL, NULL, 1, '2025-01-01 00:00:00+00', NULL, '2025-01-01 00:00:00+00', '2025-01-01 00:00:00+00', NULL),
    (2, 'PLANS50', 2, NULL, 50.00, 'USD', 2, 1, '2025-02-01 00:00:00+00', NULL, '2025-02-01 00:00:00+00', '2025-02-01 00:00:00+00', NULL),
    (3, 'SPRING25', NULL, 25.00, NULL, NULL, 100, 2, '2025-03-01 00:00:00+00', '2025-06-01 00:00:00+00', '2025-02-20 00:00:00+00', '2025-02-20 00:00:00+00', NULL),
    (4, 'LEAFLET', NULL, 15.00, NULL, NULL, 50, 1, '2025-01-01 00:00:00+00', NULL, '2025-01-01 00:00:00+00', '2025-04-01 00:00:00+00', '2025-04-01 00:00:00+00'),
    (5, 'FRIENDS30', NULL, 30.00, NULL, NULL, 5000, 3, '2025-01-01 00:00:00+00', '2099-01-01 00:00:00+00', '2025-01-01 00:00:00+00', '2025-01-01 00:00:00+00', NULL)
ON CONFLICT (id) DO NOTHING;

INSERT INTO purchases (id, user_id, course_id, coupon_id, list_price, discount, amount, currency, payment_reference, purchased_at)
OVERRIDING SYSTEM VALUE VALUES
    (1, 4, 1, 1, 49.00, 4.90, 44.10, 'USD', 'pay_seed_0001', '2025-02-03 08:00:00+00'),
    (2, 5, 1, NULL, 49.00, 0.00, 49.00, 'USD', 'pay_seed_0002', '2025-02-04 08:00:00+00'),
    (3, 7, 1, NULL, 49.00, 0.00, 49.00, 'USD', 'pay_seed_0003', '2025-02-05 08:00:00+00'),
    (4, 8, 2, NULL, 199.00, 0.00, 199.00, 'USD', 'pay_seed_0004', '2025-02-16 08:00:00+00'),
    (5, 9, 2, 2, 199.00, 50.00, 149.00, 'USD', 'pay_seed_0005', '2025-02-17 08:00:00+00'),
    (6, 4, 3, NULL, 79.00, 0.00, 79.00, 'EUR', 'pay_seed_0006', '2025-03-02 08:00:00+00'),
    (7, 1, 3, 1, 79.00, 7.90, 71.10, 'EUR', 'pay_seed_0007', '2025-03-03 08:00:00+00'),
    (8, 5, 6, NULL, 29.00, 0.00, 29.00, 'USD', 'pay_seed_0008', '2025-01-25 08:00:00+00'),
    (9, 6, 7, NULL, 59.00, 0.00, 59.00, 'USD', 'pay_seed_0009', '2025-02-21 08:00:00+00'),
    (10, 12, 1, NULL, 49.00, 0.00, 49.00, 'USD', 'pay_seed_0010', '2025-02-06 08:00:00+00')
ON CONFLICT (id) DO NOTHING;

INSERT INTO refunds (id, purchase_id, amount, reason, refunded_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 3, 49.00, 'Requested within the trial period', '2025-02-20 18:00:00+00'),
    (2, 9, 20.00, 'Goodwill: lesson was missing', '2025-03-01 12:00:00+00')
ON CONFLICT (id) DO NOTHING;

INSERT INTO reviews (id, user_id, course_id, rating, body, created_at, updated_at, deleted_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 4, 1, 5, 'Finally I know why my joins were wrong.', '2025-03-21 09:00:00+00', '2025-03-21 09:00:00+00', NULL),
    (2, 5, 1, 4, NULL, '2025-02-15 09:00:00+00', '2025-02-15 09:00:00+00', NULL),
    (3, 10, 4, 5, 'Short and right.', '2025-03-16 09:00:00+00', '2025-03-16 09:00:00+00', NULL),
    (4, 11, 4, 1, 'Buy cheap watches', '2025-03-17 09:00:00+00', '2025-03-18 09:00:00+00', '2025-03-18 09:00:00+00'),
    (5, 5, 6, 4, 'Lovely.', '2025-02-26 09:00:00+00', '2025-02-26 09:00:00+00', NULL),
    (6, 12, 1, 3, 'Good, but fast.', '2025-02-20 09:00:00+00', '2025-02-20 09:00:00+00', NULL)
ON CONFLICT (id) DO NOTHING;

INSERT INTO notifications (id, user_id, course_id, kind, message, created_at, read_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 4, 1, 'enrolled', 'Welcome to PostgreSQL from the ground up', '2025-02-03 08:00:00+00', '2025-02-03 19:00:00+00'),
    (2, 4, 1, 'completed', 'Your certificate is ready', '2025-03-20 18:00:00+00', NULL),
    (3, 7, 1, 'refunded', 'Your payment was returned', '2025-02-20 18:00:00+00', NULL),
    (4, 1, 1, 'reviewed', 'A new review with 5 stars', '2025-03-21 09:00:00+00', '2025-03-22 07:00:00+00'),
    (5, 11, NULL, 'welcome', 'Welcome to CodeLearn', '2025-01-12 09:00:00+00', NULL),
    (6, 10, 4, 'completed', 'Your certificate is ready', '2025-03-15 18:00:00+00', '2025-03-16 08:00:00+00')
ON CONFLICT (id) DO NOTHING;

INSERT INTO outbox_events (id, topic, payload, attempt_count, last_error, created_at, available_at, published_at)
OVERRIDING SYSTEM VALUE VALUES
    (1, 'enrollment.created', '{"enrollment_id": 1, "user_id": 4, "course_id": 1}', 1, NULL, '2025-02-03 08:00:00+00', '2025-02-03 08:00:00+00', '2025-02-03 08:00:02+00'),
    (2, 'enrollment.completed', '{"enrollment_id": 1, "user_id": 4, "course_id": 1}', 2, 'mail gateway: timeout', '2025-03-20 18:00:00+00', '2025-03-20 18:01:00+00', '2025-03-20 18:01:01+00'),
    (3, 'purchase.refunded', '{"purchase_id": 3, "user_id": 7, "course_id": 1}', 0, NULL, '2025-02-20 18:00:00+00', '2025-02-20 18:00:00+00', NULL)
ON CONFLICT (id) DO NOTHING;

INSERT INTO featured_courses (id, course_id, place, featured_during, created_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 1, '[2025-02-01 00:00:00+00, 2099-01-01 00:00:00+00)', '2025-01-31 08:00:00+00'),
    (2, 2, 2, '[2025-02-01 00:00:00+00, 2025-03-01 00:00:00+00)', '2025-01-31 08:00:00+00'),
    (3, 4, 2, '[2025-03-01 00:00:00+00, 2099-01-01 00:00:00+00)', '2025-02-28 08:00:00+00')
ON CONFLICT (id) DO NOTHING;

-- Identities go on above what is there; never backwards, whatever was inserted since.

SELECT setval('users_id_seq', greatest((SELECT max(id) FROM users), (SELECT last_value FROM users_id_seq)));
SELECT setval('categories_id_seq', greatest((SELECT max(id) FROM categories), (SELECT last_value FROM categories_id_seq)));
SELECT setval('tags_id_seq', greatest((SELECT max(id) FROM tags), (SELECT last_value FROM tags_id_seq)));
SELECT setval('courses_id_seq', greatest((SELECT max(id) FROM courses), (SELECT last_value FROM courses_id_seq)));
SELECT setval('sections_id_seq', greatest((SELECT max(id) FROM sections), (SELECT last_value FROM sections_id_seq)));
SELECT setval('lessons_id_seq', greatest((SELECT max(id) FROM lessons), (SELECT last_value FROM lessons_id_seq)));
SELECT setval('lesson_assets_id_seq', greatest((SELECT max(id) FROM lesson_assets), (SELECT last_value FROM lesson_assets_id_seq)));
SELECT setval('enrollments_id_seq', greatest((SELECT max(id) FROM enrollments), (SELECT last_value FROM enrollments_id_seq)));
SELECT setval('certificates_id_seq', greatest((SELECT max(id) FROM certificates), (SELECT last_value FROM certificates_id_seq)));
SELECT setval('coupons_id_seq', greatest((SELECT max(id) FROM coupons), (SELECT last_value FROM coupons_id_seq)));
SELECT setval('purchases_id_seq', greatest((SELECT max(id) FROM purchases), (SELECT last_value FROM purchases_id_seq)));
SELECT setval('refunds_id_seq', greatest((SELECT max(id) FROM refunds), (SELECT last_value FROM refunds_id_seq)));
SELECT setval('reviews_id_seq', greatest((SELECT max(id) FROM reviews), (SELECT last_value FROM reviews_id_seq)));
SELECT setval('notifications_id_seq', greatest((SELECT max(id) FROM notifications), (SELECT last_value FROM notifications_id_seq)));
SELECT setval('outbox_events_id_seq', greatest((SELECT max(id) FROM outbox_events), (SELECT last_value FROM outbox_events_id_seq)));
SELECT setval('featured_courses_id_seq', greatest((SELECT max(id) FROM featured_courses), (SELECT last_value FROM featured_courses_id_seq)));
