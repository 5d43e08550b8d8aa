-- no-transaction
-- Indexes of the page queries, built while the shop is open. CONCURRENTLY cannot run in a transaction and may be
-- interrupted; IF NOT EXISTS lets the file run again (an invalid leftover is reported, drop it first).

-- Home and catalogue: most popular first, in keyset order.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_courses_enrollment_count ON courses (enrollment_count DESC, id DESC)
    WHERE status = 'published' AND deleted_at IS NULL;

-- Search: words in title, subtitle and description.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_courses_search_vector ON courses USING gin (search_vector)
    WHERE status = 'published' AND deleted_at IS NULL;

-- Sales report per period, over all courses.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_purchases_purchased_at ON purchases (purchased_at);
