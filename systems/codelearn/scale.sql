-- Volume shaped like production, on top of the seed. :scale 1 gives about 110 000 rows over all tables, of which 25 000
-- are enrollments; :scale 40 gives one million enrollments and the matching rest.
--
-- Shape: the popularity of courses falls like 1/rank (few courses hold most students), the eagerness of students falls
-- exponentially, one in twenty never enrolls. Most who start a course do not finish it.
--
-- Deterministic: every choice is a hash of the row's number, so the same :scale gives the same rows everywhere.
--
-- Set by set: the user triggers are off inside this transaction (only the owner may do that), and what they would have
-- kept is computed at the end in one pass per table. Row by row it would take many times longer and give the same
-- numbers; the recounts in invariants/ hold that against it.
--
-- For the same reason the foreign keys and the plain indexes of the large tables are put aside and made again, word for
-- word, at the end: checking a foreign key for all rows at once is one join, and building an index is one sort. Making
-- them again checks every row, and all of it is one transaction, so nobody ever sees a table without them.

-- Estimates for generated rows are far off, and compiling each query would take longer than running it.
SET LOCAL jit = off;
SET LOCAL work_mem = '128MB';
SET LOCAL maintenance_work_mem = '256MB';

-- A number in [0, 1) from a row number; salt makes choices independent of each other.
CREATE FUNCTION pg_temp.u(n bigint, salt bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE
AS $$ SELECT (hashint8extended(n, salt) & 1073741823) / 1073741824::double precision $$;

-- One of the elements of an array.
CREATE FUNCTION pg_temp.pick(choices text[], n bigint, salt bigint) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT choices[1 + floor(pg_temp.u(n, salt) * cardinality(choices))::integer] $$;

CREATE TEMPORARY TABLE scale_aside ON COMMIT DROP AS
SELECT 'constraint' AS kind, c.conrelid::regclass AS relation, c.conname AS object_name, pg_get_constraintdef(c.oid) AS definition,
    obj_description(c.oid, 'pg_constraint') AS remark
FROM pg_constraint AS c
WHERE c.contype = 'f' AND c.conrelid::regclass::text = ANY ('{credentials,students,enrollments,lesson_progress,certificates,purchases,refunds,reviews,notifications,summaries}')
UNION ALL
SELECT 'index', i.indrelid::regclass, r.relname, pg_get_indexdef(i.indexrelid), obj_description(i.indexrelid, 'pg_class')
FROM pg_index AS i
JOIN pg_class AS r ON r.oid = i.indexrelid
WHERE NOT i.indisunique AND i.indrelid::regclass::text = ANY ('{enrollments,lesson_progress,purchases,refunds,reviews,notifications,outbox_events}');

DO $$
DECLARE
    aside record;
BEGIN
    FOR aside IN SELECT * FROM scale_aside LOOP
        IF aside.kind = 'constraint' THEN
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', aside.relation, aside.object_name);
        ELSE
            EXECUTE format('DROP INDEX %I', aside.object_name);
        END IF;
    END LOOP;
END
$$;

ALTER TABLE users DISABLE TRIGGER USER;
ALTER TABLE courses DISABLE TRIGGER USER;
ALTER TABLE course_instructors DISABLE TRIGGER USER;
ALTER TABLE enrollments DISABLE TRIGGER USER;
ALTER TABLE lesson_progress DISABLE TRIGGER USER;
ALTER TABLE certificates DISABLE TRIGGER USER;
ALTER TABLE coupons DISABLE TRIGGER USER;
ALTER TABLE purchases DISABLE TRIGGER USER;
ALTER TABLE refunds DISABLE TRIGGER USER;
ALTER TABLE reviews DISABLE TRIGGER USER;
ALTER TABLE notifications DISABLE TRIGGER USER;

-- People: 4000 per scale, numbered from 1001; the first 40 per scale teach as well, ten of them without a course yet.
INSERT INTO users (id, email, slug, display_name, language_code, time_zone, created_at, updated_at, deleted_at)
OVERRIDING SYSTEM VALUE
SELECT 1000 + n, 'user' || n || '@example.com', 'user-' || n,
    pg_temp.pick('{Ana,Ben,Cleo,Dev,Eva,Finn,Gina,Hana,Ivo,Jun,Kaya,Leo,Mia,Noor,Omar,Pia,Quinn,Rosa,Sami,Tess,Uma,Vera,Will,Yuki}', n, 1)
        || ' ' || pg_temp.pick('{Abe,Berg,Cruz,Diaz,Eder,Fox,Gray,Horn,Ito,Jain,Koch,Lund,Meyer,Nunes,Olsen,Park,Reyes,Sato,Toth,Urban,Vogt,Wolf,Young,Zhang}', n, 2),
    pg_temp.pick('{en,en,en,en,en,es,pt,de,fr,ja}', n, 3),
    pg_temp.pick('{UTC,America/New_York,America/Sao_Paulo,Europe/Berlin,Europe/London,Asia/Kolkata,Asia/Tokyo}', n, 4),
    t.created_at, coalesce(t.deleted_at, t.created_at), t.deleted_at
FROM generate_series(1, 4000 * :scale) AS n
CROSS JOIN LATERAL (
    SELECT '2024-01-01 UTC'::timestamptz + pg_temp.u(n, 5) * interval '180 days' AS created_at,
        CASE WHEN n > 40 * :scale AND pg_temp.u(n, 6) < 0.01 THEN '2025-12-01 UTC'::timestamptz + pg_temp.u(n, 7) * interval '20 days' END AS deleted_at
) AS t;

INSERT INTO credentials (user_id, password_hash, failed_attempt_count, locked_until, changed_at)
SELECT 1000 + n, '$2b$12$' || left(md5('a' || n) || md5('b' || n), 53),
    CASE WHEN pg_temp.u(n, 8) < 0.05 THEN 1 + floor(pg_temp.u(n, 9) * 9)::integer ELSE 0 END,
    CASE WHEN pg_temp.u(n, 8) < 0.002 THEN '2025-06-01 UTC'::timestamptz + pg_temp.u(n, 10) * interval '30 days' END,
    '2024-01-01 UTC'::timestamptz + pg_temp.u(n, 5) * interval '180 days'
FROM generate_series(1, 4000 * :scale) AS n;

INSERT INTO students (user_id, weekly_goal_minutes, created_at)
SELECT 1000 + n, CASE WHEN pg_temp.u(n, 11) < 0.4 THEN 30 * (1 + floor(pg_temp.u(n, 12) * 10)::integer) END,
    '2024-01-01 UTC'::timestamptz + pg_temp.u(n, 5) * interval '180 days'
FROM generate_series(1, 4000 * :scale) AS n;

INSERT INTO instructors (user_id, headline, biography, created_at, updated_at)
SELECT 1000 + n, pg_temp.pick('{"Teacher and engineer","Designer","Consultant","Author","Researcher","Freelance developer"}', n, 13),
    CASE WHEN pg_temp.u(n, 14) < 0.7 THEN pg_temp.pick('{"Teaches what daily work has taught.","Ten years in the trade.","Loves a clear explanation."}', n, 15) END,
    t.created_at, t.created_at
FROM generate_series(1, 40 * :scale) AS n
CROSS JOIN LATERAL (SELECT '2024-01-01 UTC'::timestamptz + pg_temp.u(n, 5) * interval '180 days' AS created_at) AS t;

-- Courses: 100 per scale in order of popularity. One in ten is a draft, one in twenty archived, one in fifty deleted.
INSERT INTO courses (id, instructor_id, category_id, slug, title, subtitle, description, language_code, difficulty, status, price,
    currency, published_at, created_at, updated_at, deleted_at)
OVERRIDING SYSTEM VALUE
SELECT 1000 + n, 1001 + floor(pg_temp.u(n, 20) * 30 * :scale)::bigint, 4 + floor(power(pg_temp.u(n, 21), 1.5) * 8)::bigint,
    lower(replace(t.topic, ' ', '-')) || '-' || n, t.manner || ' ' || t.topic,
    CASE WHEN pg_temp.u(n, 22) < 0.7 THEN pg_temp.pick('{"A hands-on course","From zero to confident","With exercises","For busy people"}', n, 23) END,
    'Learn ' || t.topic || ' step by step. ' || pg_temp.pick('{"Short videos and many exercises.","Built around one project.","Theory first, then practice."}', n, 24)
        || ' ' || pg_temp.pick('{"No previous knowledge needed.","You should have written programs before.","Bring patience and curiosity."}', n, 25),
    pg_temp.pick('{en,en,en,en,es,pt,de}', n, 26), pg_temp.pick('{beginner,beginner,intermediate,advanced}', n, 27), t.status,
    CASE WHEN pg_temp.u(n, 28) < 0.2 THEN 0 ELSE (10 + floor(pg_temp.u(n, 29) * 190)::integer) - 0.01 END,
    pg_temp.pick('{USD,USD,USD,USD,EUR,EUR,GBP}', n, 30),
    CASE WHEN t.status <> 'draft' THEN t.created_at + interval '30 days' END, t.created_at,
    coalesce(t.deleted_at, t.created_at + interval '40 days'), t.deleted_at
FROM generate_series(1, 100 * :scale) AS n
CROSS JOIN LATERAL (
    SELECT pg_temp.pick('{Practical,Essential,Modern,Applied,Friendly,Complete,Everyday,Advanced}', n, 31) AS manner,
        pg_temp.pick('{PostgreSQL,Python,Rust,TypeScript,"web design",typography,"data analysis",accounting,"team leadership","machine learning",Kubernetes,"technical writing","product management",photography,statistics,"software testing"}', n, 32) AS topic,
        CASE WHEN n % 10 = 7 THEN 'draft' WHEN n % 20 = 13 THEN 'archived' ELSE 'published' END AS status,
        '2023-06-01 UTC'::timestamptz + pg_temp.u(n, 33) * interval '150 days' AS created_at,
        CASE WHEN n % 50 = 29 THEN '2025-12-20 UTC'::timestamptz + pg_temp.u(n, 34) * interval '5 days' END AS deleted_at
) AS t;

INSERT INTO course_tags (course_id, tag_id)
SELECT DISTINCT 1000 + n, 1 + floor(pg_temp.u(n * 4 + k, 35) * 8)::bigint
FROM generate_series(1, 100 * :scale) AS n, generate_series(1, 3) AS k
WHERE pg_temp.u(n * 4 + k, 36) < 0.8;

INSERT INTO course_instructors (course_id, instructor_id, teaching_role, revenue_share, joined_at)
SELECT 1000 + n, t.instructor_id, pg_temp.pick('{co_instructor,co_instructor,assistant,reviewer}', n, 37),
    floor(pg_temp.u(n, 38) * 80) / 2, c.created_at + interval '10 days'
FROM generate_series(1, 100 * :scale) AS n
CROSS JOIN LATERAL (SELECT 1001 + floor(pg_temp.u(n, 39) * 30 * :scale)::bigint AS instructor_id) AS t
JOIN courses AS c ON c.id = 1000 + n
WHERE pg_temp.u(n, 40) < 0.25 AND c.instructor_id <> t.instructor_id;

-- Two sections per course, three to five lessons in each; a few lessons were taken out, never the first two of a section.
INSERT INTO sections (id, course_id, sort_order, title, created_at, updated_at, deleted_at)
OVERRIDING SYSTEM VALUE
SELECT 1000 + 2 * (n - 1) + k, 1000 + n, 10 * k, (ARRAY['Foundations', 'Practice'])[k], c.created_at, coalesce(t.deleted_at, c.created_at), t.deleted_at
FROM generate_series(1, 100 * :scale) AS n
CROSS JOIN generate_series(1, 2) AS k
JOIN courses AS c ON c.id = 1000 + n
CROSS JOIN LATERAL (SELECT CASE WHEN k = 2 AND pg_temp.u(n, 41) < 0.01 THEN c.created_at + interval '20 days' END AS deleted_at) AS t;

INSERT INTO lessons (id, section_id, sort_order, title, kind, content, duration_seconds, is_preview, created_at, updated_at, deleted_at)
OVERRIDING SYSTEM VALUE
SELECT 1000 + t.n, t.section_id, 10 * t.k, initcap(t.kind) || ' ' || t.k || ', ' || pg_temp.pick('{"the idea","an example","your turn","common mistakes","a closer look"}', t.n, 42),
    t.kind, CASE WHEN t.kind <> 'video' THEN pg_temp.pick('{"Read, then try it yourself.","Take your time.","Answer before you scroll."}', t.n, 43) END,
    60 * (2 + floor(pg_temp.u(t.n, 44) * 20)::integer), t.is_first AND t.k = 1, t.created_at,
    CASE WHEN t.is_deleted THEN t.created_at + interval '25 days' ELSE t.created_at END,
    CASE WHEN t.is_deleted THEN t.created_at + interval '25 days' END
FROM (
    SELECT row_number() OVER (ORDER BY s.id, k) AS n, s.id AS section_id, s.sort_order = 10 AS is_first, s.created_at, k,
        pg_temp.pick('{video,video,video,article,exercise,quiz}', s.id * 8 + k, 45) AS kind,
        k > 2 AND pg_temp.u(s.id * 8 + k, 46) < 0.04 AS is_deleted
    FROM sections AS s
    CROSS JOIN generate_series(1, 5) AS k
    WHERE s.id > 1000 AND k <= 3 + floor(pg_temp.u(s.id, 47) * 3)
) AS t;

INSERT INTO lesson_assets (id, lesson_id, kind, title, object_key, content_sha256, media_type, byte_size, created_at, deleted_at)
OVERRIDING SYSTEM VALUE
SELECT 1000 + row_number() OVER (ORDER BY l.id), l.id, 'video', 'Video', 'lessons/' || l.id || '/video.mp4', md5('x' || l.id % 5000) || md5('y' || l.id % 5000), 'video/mp4',
    150000::bigint * l.duration_seconds, l.created_at, CASE WHEN pg_temp.u(l.id, 48) < 0.01 THEN l.created_at + interval '9 days' END
FROM lessons AS l
WHERE l.id > 1000 AND l.kind = 'video';

-- Who takes which course: the candidates first, once, so that everything below agrees with itself.
CREATE TEMPORARY TABLE scale_courses ON COMMIT DROP AS
SELECT c.id AS course_id, c.price, c.currency, c.created_at, array_agg(l.id ORDER BY s.sort_order, l.sort_order) AS lesson_ids, count(*)::integer AS lesson_count
FROM courses AS c
JOIN sections AS s ON s.course_id = c.id AND s.deleted_at IS NULL
JOIN lessons AS l ON l.section_id = s.id AND l.deleted_at IS NULL
WHERE c.id > 1000 AND c.status <> 'draft'
GROUP BY c.id;
CREATE UNIQUE INDEX ON scale_courses (course_id);
ANALYZE scale_courses;

CREATE TEMPORARY TABLE scale_enrollments ON COMMIT DROP AS
SELECT e.id, e.user_id, e.course_id, e.is_first, e.created_at, e.status, e.price, e.currency, e.lesson_count, e.is_paid,
    CASE e.status
        WHEN 'completed' THEN e.lesson_count
        -- Most stop early; some stop one step before the end.
        WHEN 'active' THEN least(floor(power(pg_temp.u(e.id, 60), 7) * (e.lesson_count + 1))::integer, e.lesson_count - 1)
        WHEN 'cancelled' THEN least(floor(power(pg_temp.u(e.id, 60), 8) * 3)::integer, e.lesson_count - 1)
        ELSE 0
    END AS done_count
FROM (
    SELECT k.*, k.price > 0 AND (k.status IN ('active', 'completed') OR (k.status = 'cancelled' AND pg_temp.u(k.id, 61) < 0.6)) AS is_paid
    FROM (
        SELECT 1000 + row_number() OVER (ORDER BY t.created_at, t.user_id, t.course_id) AS id, t.user_id, t.course_id, t.is_first, t.created_at,
            t.price, t.currency, t.lesson_count,
            CASE
                WHEN t.chance < 0.07 THEN 'completed'
                WHEN t.chance < 0.90 THEN 'active'
                WHEN t.chance < 0.95 THEN CASE WHEN t.price > 0 THEN 'pending' ELSE 'active' END
                ELSE 'cancelled'
            END AS status
        FROM (
            SELECT d.user_id, d.course_id, d.pick = 1 AS is_first,
                s.price, s.currency, s.lesson_count,
                '2024-07-01 UTC'::timestamptz + pg_temp.u(d.user_id * 64 + d.pick, 51) * interval '520 days' AS created_at,
                pg_temp.u(d.user_id * 64 + d.pick, 52) AS chance
            FROM (
                -- Uniform exponents of N give ranks that fall like 1/rank.
                SELECT n + 1000 AS user_id, 1000 + floor(power(100 * :scale + 1, pg_temp.u(n * 64 + k, 53)))::bigint AS course_id, min(k) AS pick
                FROM generate_series(1, 4000 * :scale) AS n
                CROSS JOIN LATERAL generate_series(1, least(60, ceil(-12 * ln(1 - pg_temp.u(n, 54))))::integer) AS k
                WHERE pg_temp.u(n, 55) >= 0.05
                GROUP BY 1, 2
            ) AS d
            JOIN scale_courses AS s ON s.course_id = d.course_id
        ) AS t
        ORDER BY t.created_at, t.user_id, t.course_id
        LIMIT 25000 * :scale
    ) AS k
) AS e;
CREATE UNIQUE INDEX ON scale_enrollments (id);
ANALYZE scale_enrollments;

INSERT INTO enrollments (id, user_id, course_id, status, last_lesson_id, completed_at, cancelled_at, created_at, updated_at)
OVERRIDING SYSTEM VALUE
SELECT e.id, e.user_id, e.course_id, e.status,
    CASE WHEN e.status <> 'pending' AND (e.done_count > 0 OR pg_temp.u(e.id, 62) < 0.5) THEN s.lesson_ids[least(e.done_count + 1, e.lesson_count)] END,
    CASE WHEN e.status = 'completed' THEN t.changed_at END, CASE WHEN e.status = 'cancelled' THEN t.changed_at END, e.created_at, t.changed_at
FROM scale_enrollments AS e
JOIN scale_courses AS s ON s.course_id = e.course_id
CROSS JOIN LATERAL (SELECT e.created_at + CASE WHEN e.status = 'pending' THEN interval '0' ELSE interval '20 days' END AS changed_at) AS t
ORDER BY e.id;

-- The lessons that are done, and for one in five students the one that is open.
INSERT INTO lesson_progress (enrollment_id, lesson_id, watched_seconds, started_at, completed_at)
SELECT e.id, s.lesson_ids[g], floor(pg_temp.u(e.id * 16 + g, 63) * 1200)::integer, e.created_at + g * interval '1 day',
    CASE WHEN g <= e.done_count THEN e.created_at + g * interval '1 day' + interval '15 minutes' END
FROM scale_enrollments AS e
JOIN scale_courses AS s ON s.course_id = e.course_id
CROSS JOIN LATERAL generate_series(1, e.done_count + CASE WHEN e.status = 'active' AND pg_temp.u(e.id, 64) < 0.2 THEN 1 ELSE 0 END) AS g
ORDER BY e.id, g;

INSERT INTO certificates (id, enrollment_id, code, holder_name, course_title, issued_at)
OVERRIDING SYSTEM VALUE
SELECT 1000 + row_number() OVER (ORDER BY e.id), e.id, upper((md5('certificate' || e.id)::uuid)::text), u.display_name, c.title, e.created_at + interval '20 days'
FROM scale_enrollments AS e
JOIN users AS u ON u.id = e.user_id
JOIN courses AS c ON c.id = e.course_id
WHERE e.status = 'completed';

-- Coupons: ten general ones per scale, which the first purchase of a student may use, and twenty for single courses.
INSERT INTO coupons (id, code, course_id, percent_off, amount_off, currency, max_redemptions, max_per_user, valid_from, valid_until, created_at, updated_at, deleted_at)
OVERRIDING SYSTEM VALUE
SELECT 1000 + n, CASE WHEN t.is_general THEN 'SAVE-' ELSE 'COURSE-' END || n,
    CASE WHEN NOT t.is_general THEN s.course_id END,
    CASE WHEN t.is_general THEN 5 * (1 + floor(pg_temp.u(n, 70) * 6)) END,
    CASE WHEN NOT t.is_general THEN 5 + floor(pg_temp.u(n, 71) * 20) END,
    CASE WHEN NOT t.is_general THEN s.currency END,
    CASE WHEN NOT t.is_general AND pg_temp.u(n, 72) < 0.7 THEN 10 * (1 + floor(pg_temp.u(n, 73) * 50)::integer) END,
    1 + floor(pg_temp.u(n, 74) * 2)::integer, '2024-01-01 UTC',
    CASE WHEN pg_temp.u(n, 75) < 0.5 THEN '2099-01-01 UTC'::timestamptz + floor(pg_temp.u(n, 79) * 30) * interval '1 day' END, '2024-01-01 UTC', '2024-01-01 UTC',
    CASE WHEN NOT t.is_general AND pg_temp.u(n, 76) < 0.1 THEN '2025-10-01 UTC'::timestamptz END
FROM generate_series(1, 30 * :scale) AS n
CROSS JOIN LATERAL (SELECT n <= 10 * :scale AS is_general, 1000 + 1 + floor(pg_temp.u(n, 77) * 100 * :scale)::bigint AS wanted_id) AS t
LEFT JOIN scale_courses AS s ON s.course_id = t.wanted_id
WHERE t.is_general OR s.course_id IS NOT NULL;

INSERT INTO purchases (id, user_id, course_id, coupon_id, list_price, discount, amount, currency, payment_reference, purchased_at)
OVERRIDING SYSTEM VALUE
SELECT 1000 + row_number() OVER (ORDER BY e.id), e.user_id, e.course_id, k.id, t.list_price, t.discount, t.list_price - t.discount, e.currency,
    'pay_' || lpad(to_hex(e.id), 12, '0'), e.created_at
FROM scale_enrollments AS e
LEFT JOIN coupons AS k ON e.is_first AND pg_temp.u(e.id, 80) < 0.6 AND k.id = 1001 + floor(power(pg_temp.u(e.id, 81), 2) * 10 * :scale)::bigint
CROSS JOIN LATERAL (
    -- Prices went up at the turn of the year; what was paid before stays as it was.
    SELECT p.list_price, coalesce(round(p.list_price * k.percent_off / 100, 2), 0) AS discount
    FROM (SELECT CASE WHEN e.created_at < '2025-01-01 UTC' THEN round(e.price * 0.9, 2) ELSE e.price END AS list_price) AS p
) AS t
WHERE e.is_paid
ORDER BY e.id;

-- All of it back for who cancelled, a part as goodwill for one in a hundred others.
INSERT INTO refunds (id, purchase_id, amount, reason, refunded_at)
OVERRIDING SYSTEM VALUE
SELECT 1000 + row_number() OVER (ORDER BY p.id), p.id, CASE WHEN e.status = 'cancelled' THEN p.amount ELSE round(p.amount / 4, 2) END,
    pg_temp.pick('{"Requested within the trial period","Bought by mistake","Course was not what I expected"}', p.id, 82), p.purchased_at + interval '20 days'
FROM purchases AS p
JOIN enrollments AS e ON e.user_id = p.user_id AND e.course_id = p.course_id
WHERE p.id > 1000 AND p.amount > 0 AND (e.status = 'cancelled' OR pg_temp.u(p.id, 83) < 0.01);

INSERT INTO reviews (id, user_id, course_id, rating, body, created_at, updated_at, deleted_at)
OVERRIDING SYSTEM VALUE
SELECT 1000 + row_number() OVER (ORDER BY e.id), e.user_id, e.course_id, 5 - floor(power(pg_temp.u(e.id, 90), 2) * 5)::integer,
    CASE WHEN pg_temp.u(e.id, 91) < 0.6 THEN pg_temp.pick('{"Clear and complete.","Good pace, good examples.","Too long for me.","I use it every day.","The exercises made the difference.","Could go deeper."}', e.id, 92) END,
    e.created_at + interval '21 days', e.created_at + interval '21 days',
    CASE WHEN pg_temp.u(e.id, 93) < 0.03 THEN e.created_at + interval '22 days' END
FROM scale_enrollments AS e
WHERE pg_temp.u(e.id, 94) < CASE e.status WHEN 'completed' THEN 0.5 WHEN 'active' THEN 0.08 ELSE 0 END;

INSERT INTO notifications (id, user_id, course_id, kind, message, created_at, read_at)
OVERRIDING SYSTEM VALUE
SELECT 1000 + row_number() OVER (ORDER BY e.id), e.user_id, CASE WHEN pg_temp.u(e.id, 95) < 0.85 THEN e.course_id END,
    CASE WHEN pg_temp.u(e.id, 95) < 0.85 THEN 'enrolled' ELSE 'welcome' END,
    CASE WHEN pg_temp.u(e.id, 95) < 0.85 THEN 'Welcome to your new course' ELSE 'Welcome to CodeLearn' END,
    e.created_at, CASE WHEN pg_temp.u(e.id, 96) < 0.7 THEN e.created_at + pg_temp.u(e.id, 97) * interval '9 days' END
FROM scale_enrollments AS e
WHERE pg_temp.u(e.id, 98) < 0.2;

INSERT INTO outbox_events (id, topic, payload, attempt_count, last_error, created_at, available_at, published_at)
OVERRIDING SYSTEM VALUE
SELECT 1000 + row_number() OVER (ORDER BY e.id), 'enrollment.created', jsonb_build_object('enrollment_id', e.id, 'user_id', e.user_id, 'course_id', e.course_id),
    t.failures + CASE WHEN t.is_published THEN 1 ELSE 0 END, CASE WHEN t.failures > 0 THEN 'broker: connection refused' END, e.created_at,
    e.created_at + t.failures * interval '1 minute', CASE WHEN t.is_published THEN e.created_at + t.failures * interval '1 minute' + interval '1 second' END
FROM scale_enrollments AS e
CROSS JOIN LATERAL (
    SELECT CASE WHEN pg_temp.u(e.id, 99) < 0.02 THEN 1 ELSE 0 END AS failures, pg_temp.u(e.id, 100) >= 0.01 AS is_published
) AS t
WHERE pg_temp.u(e.id, 101) < 0.12;

-- What the triggers keep, in one pass per table. A third of the courses sells a limited number of seats, some sold out.
UPDATE courses AS c
SET enrollment_count = coalesce(e.enrolled, 0), seats_taken = coalesce(e.seats, 0), rating_count = coalesce(v.ratings, 0), rating_sum = coalesce(v.stars, 0),
    shared_revenue = coalesce(ci.share, 0),
    seat_limit = CASE WHEN pg_temp.u(c.id, 110) < 0.3 THEN greatest(5, coalesce(e.seats, 0) + floor(pg_temp.u(c.id, 111) * 20)::integer) END
FROM courses AS x
LEFT JOIN (
    SELECT course_id, count(*) FILTER (WHERE status IN ('active', 'completed')) AS enrolled, count(*) FILTER (WHERE status <> 'cancelled') AS seats
    FROM enrollments GROUP BY course_id
) AS e ON e.course_id = x.id
LEFT JOIN (SELECT course_id, count(*) AS ratings, sum(rating) AS stars FROM reviews WHERE deleted_at IS NULL GROUP BY course_id) AS v ON v.course_id = x.id
LEFT JOIN (SELECT course_id, sum(revenue_share) AS share FROM course_instructors GROUP BY course_id) AS ci ON ci.course_id = x.id
WHERE x.id = c.id AND c.id > 1000;

UPDATE coupons AS k SET redemption_count = p.uses
FROM (SELECT coupon_id, count(*) AS uses FROM purchases WHERE coupon_id > 1000 GROUP BY coupon_id) AS p
WHERE p.coupon_id = k.id;

INSERT INTO summaries (user_id, active_enrollment_count, completed_enrollment_count, completed_lesson_count, certificate_count, review_count, unread_notification_count)
SELECT u.id, coalesce(e.active, 0), coalesce(e.completed, 0), coalesce(e.lessons, 0), coalesce(e.completed, 0), coalesce(v.reviews, 0), coalesce(n.unread, 0)
FROM users AS u
LEFT JOIN (
    SELECT user_id, count(*) FILTER (WHERE status = 'active') AS active, count(*) FILTER (WHERE status = 'completed') AS completed, sum(done_count) AS lessons
    FROM scale_enrollments GROUP BY user_id
) AS e ON e.user_id = u.id
LEFT JOIN (SELECT user_id, count(*) AS reviews FROM reviews WHERE deleted_at IS NULL GROUP BY user_id) AS v ON v.user_id = u.id
LEFT JOIN (SELECT user_id, count(*) AS unread FROM notifications WHERE read_at IS NULL GROUP BY user_id) AS n ON n.user_id = u.id
WHERE u.id > 1000;

-- Back what was put aside: indexes first, the foreign keys look through them.
DO $$
DECLARE
    aside record;
BEGIN
    FOR aside IN SELECT * FROM scale_aside ORDER BY kind DESC, relation::text, object_name LOOP
        IF aside.kind = 'constraint' THEN
            EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', aside.relation, aside.object_name, aside.definition);
            EXECUTE format('COMMENT ON CONSTRAINT %I ON %s IS %L', aside.object_name, aside.relation, aside.remark);
        ELSE
            EXECUTE aside.definition;
            EXECUTE format('COMMENT ON INDEX %I IS %L', aside.object_name, aside.remark);
        END IF;
    END LOOP;
END
$$;

ALTER TABLE users ENABLE TRIGGER USER;
ALTER TABLE courses ENABLE TRIGGER USER;
ALTER TABLE course_instructors ENABLE TRIGGER USER;
ALTER TABLE enrollments ENABLE TRIGGER USER;
ALTER TABLE lesson_progress ENABLE TRIGGER USER;
ALTER TABLE certificates ENABLE TRIGGER USER;
ALTER TABLE coupons ENABLE TRIGGER USER;
ALTER TABLE purchases ENABLE TRIGGER USER;
ALTER TABLE refunds ENABLE TRIGGER USER;
ALTER TABLE reviews ENABLE TRIGGER USER;
ALTER TABLE notifications ENABLE TRIGGER USER;

SELECT setval('users_id_seq', (SELECT max(id) FROM users));
SELECT setval('courses_id_seq', (SELECT max(id) FROM courses));
SELECT setval('sections_id_seq', (SELECT max(id) FROM sections));
SELECT setval('lessons_id_seq', (SELECT max(id) FROM lessons));
SELECT setval('lesson_assets_id_seq', (SELECT max(id) FROM lesson_assets));
SELECT setval('enrollments_id_seq', (SELECT max(id) FROM enrollments));
SELECT setval('certificates_id_seq', (SELECT max(id) FROM certificates));
SELECT setval('coupons_id_seq', (SELECT max(id) FROM coupons));
SELECT setval('purchases_id_seq', (SELECT max(id) FROM purchases));
SELECT setval('refunds_id_seq', (SELECT max(id) FROM refunds));
SELECT setval('reviews_id_seq', (SELECT max(id) FROM reviews));
SELECT setval('notifications_id_seq', (SELECT max(id) FROM notifications));
SELECT setval('outbox_events_id_seq', (SELECT max(id) FROM outbox_events));
