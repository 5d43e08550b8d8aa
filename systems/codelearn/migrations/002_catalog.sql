-- The catalogue: categories, tags, courses and the people who teach them.

CREATE TABLE categories (
    id         bigint  GENERATED ALWAYS AS IDENTITY,
    parent_id  bigint,
    slug       text    NOT NULL,
    title      text    NOT NULL,
    sort_order integer NOT NULL DEFAULT 0,
    CONSTRAINT pk_categories PRIMARY KEY (id),
    CONSTRAINT uq_categories_slug UNIQUE (slug),
    CONSTRAINT fk_categories_parent_id FOREIGN KEY (parent_id) REFERENCES categories (id) ON DELETE RESTRICT,
    CONSTRAINT ck_categories_parent_id CHECK (parent_id <> id),
    CONSTRAINT ck_categories_slug CHECK (char_length(slug) <= 80 AND slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    CONSTRAINT ck_categories_title CHECK (char_length(title) BETWEEN 1 AND 100)
);
COMMENT ON TABLE categories IS 'The tree of subjects. Curated by the operators of the shop, not by the application.';
COMMENT ON COLUMN categories.parent_id IS 'Parent in the tree; NULL for a root.';
COMMENT ON COLUMN categories.sort_order IS 'Order among siblings; equal values fall back to the title.';
COMMENT ON CONSTRAINT fk_categories_parent_id ON categories IS 'RESTRICT: a branch is emptied before it is cut, never silently lost.';
CREATE INDEX ix_categories_parent_id ON categories (parent_id);

CREATE FUNCTION check_category_tree() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    ancestor_id bigint := NEW.parent_id;
BEGIN
    -- Two moves that are harmless alone can close a circle together; moves are rare, so they queue.
    PERFORM pg_advisory_xact_lock(hashtextextended('codelearn.categories', 0));
    WHILE ancestor_id IS NOT NULL LOOP
        IF ancestor_id = NEW.id THEN
            RAISE EXCEPTION 'category % would become its own ancestor', NEW.id
                USING ERRCODE = 'check_violation', TABLE = 'categories';
        END IF;
        SELECT c.parent_id INTO ancestor_id FROM public.categories AS c WHERE c.id = ancestor_id;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION check_category_tree() IS 'Refuses a move that would turn the tree of categories into a circle.';

CREATE TRIGGER trg_categories_tree AFTER UPDATE OF parent_id ON categories
    FOR EACH ROW WHEN (NEW.parent_id IS DISTINCT FROM OLD.parent_id)
    EXECUTE FUNCTION check_category_tree();

CREATE TABLE tags (
    id    bigint GENERATED ALWAYS AS IDENTITY,
    slug  text   NOT NULL,
    title text   NOT NULL,
    CONSTRAINT pk_tags PRIMARY KEY (id),
    CONSTRAINT uq_tags_slug UNIQUE (slug),
    CONSTRAINT uq_tags_title UNIQUE (title),
    CONSTRAINT ck_tags_slug CHECK (char_length(slug) <= 60 AND slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    CONSTRAINT ck_tags_title CHECK (char_length(title) BETWEEN 1 AND 60)
);
COMMENT ON TABLE tags IS 'Free keywords across categories.';

CREATE TABLE courses (
    id            bigint        GENERATED ALWAYS AS IDENTITY,
    instructor_id bigint        NOT NULL,
    category_id   bigint        NOT NULL,
    slug          text          NOT NULL,
    title         text          NOT NULL,
    subtitle      text,
    description   text          NOT NULL,
    language_code text          NOT NULL DEFAULT 'en',
    difficulty    text          NOT NULL DEFAULT 'beginner',
    status        text          NOT NULL DEFAULT 'draft',
    price         numeric(12,2) NOT NULL DEFAULT 0,
    currency      text          NOT NULL DEFAULT 'USD',
    seat_limit    integer,
    published_at  timestamptz,
    created_at    timestamptz   NOT NULL DEFAULT now(),
    updated_at    timestamptz   NOT NULL DEFAULT now(),
    deleted_at    timestamptz,
    search_vector tsvector      NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('pg_catalog.english', title), 'A')
        || setweight(to_tsvector('pg_catalog.english', coalesce(subtitle, '')), 'B')
        || setweight(to_tsvector('pg_catalog.english', description), 'C')
    ) STORED,
    CONSTRAINT pk_courses PRIMARY KEY (id),
    CONSTRAINT fk_courses_instructor_id FOREIGN KEY (instructor_id) REFERENCES instructors (user_id) ON DELETE RESTRICT,
    CONSTRAINT fk_courses_category_id FOREIGN KEY (category_id) REFERENCES categories (id) ON DELETE RESTRICT,
    CONSTRAINT ck_courses_slug CHECK (char_length(slug) <= 120 AND slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    CONSTRAINT ck_courses_title CHECK (char_length(title) BETWEEN 1 AND 160),
    CONSTRAINT ck_courses_subtitle CHECK (char_length(subtitle) BETWEEN 1 AND 200),
    CONSTRAINT ck_courses_description CHECK (char_length(description) BETWEEN 1 AND 20000),
    CONSTRAINT ck_courses_language_code CHECK (language_code ~ '^[a-z]{2}$'),
    CONSTRAINT ck_courses_difficulty CHECK (difficulty IN ('beginner', 'intermediate', 'advanced')),
    CONSTRAINT ck_courses_status CHECK (status IN ('draft', 'published', 'archived')),
    CONSTRAINT ck_courses_published_at CHECK (status = 'draft' OR published_at IS NOT NULL),
    CONSTRAINT ck_courses_price CHECK (price >= 0),
    CONSTRAINT ck_courses_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_courses_seat_limit CHECK (seat_limit > 0)
)
-- Counters are written with every enrollment (see 007): room in the page keeps those updates cheap.
WITH (fillfactor = 80);
COMMENT ON TABLE courses IS 'What is for sale. A course belongs to exactly one instructor; others join through course_instructors.';
COMMENT ON COLUMN courses.instructor_id IS 'The owning instructor: exactly one, because the column is NOT NULL and a row has one value.';
COMMENT ON COLUMN courses.slug IS 'Address of the course page. Unique among live courses only: the address of a deleted course may be used again.';
COMMENT ON COLUMN courses.description IS 'Markdown.';
COMMENT ON COLUMN courses.language_code IS 'ISO 639-1 code of the language the course is taught in.';
COMMENT ON COLUMN courses.status IS 'draft: seen by its teachers only; published: for sale; archived: no longer for sale, students keep access.';
COMMENT ON COLUMN courses.price IS 'Price today, in units of currency; 0 is free. What somebody paid is in purchases.';
COMMENT ON COLUMN courses.currency IS 'ISO 4217 code.';
COMMENT ON COLUMN courses.seat_limit IS 'Most students at the same time; NULL is without limit.';
COMMENT ON COLUMN courses.published_at IS 'First publication; NULL for a course that was never published.';
COMMENT ON COLUMN courses.deleted_at IS 'Set when the course is taken down; NULL again restores it unchanged.';
COMMENT ON COLUMN courses.search_vector IS 'Search document, computed by the server: title weighs most, then subtitle, then description.';
COMMENT ON CONSTRAINT fk_courses_instructor_id ON courses IS 'RESTRICT: a course without an owner cannot be paid out; hand the courses over first.';
COMMENT ON CONSTRAINT fk_courses_category_id ON courses IS 'RESTRICT: a category in use is merged, not dropped.';
CREATE UNIQUE INDEX uq_courses_slug ON courses (slug) WHERE deleted_at IS NULL;
CREATE INDEX ix_courses_instructor_id ON courses (instructor_id);
CREATE INDEX ix_courses_category_id ON courses (category_id);

-- Only edits count as an update: the counters of 007 change with every sale and say nothing about the content.
CREATE TRIGGER trg_courses_touch BEFORE UPDATE OF instructor_id, category_id, slug, title, subtitle, description,
    language_code, difficulty, status, price, currency, seat_limit, published_at, deleted_at ON courses
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE course_tags (
    course_id bigint NOT NULL,
    tag_id    bigint NOT NULL,
    CONSTRAINT pk_course_tags PRIMARY KEY (course_id, tag_id),
    CONSTRAINT fk_course_tags_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT fk_course_tags_tag_id FOREIGN KEY (tag_id) REFERENCES tags (id) ON DELETE CASCADE
);
COMMENT ON TABLE course_tags IS 'Which course carries which tag.';
COMMENT ON CONSTRAINT fk_course_tags_course_id ON course_tags IS 'CASCADE: a label has no life of its own.';
COMMENT ON CONSTRAINT fk_course_tags_tag_id ON course_tags IS 'CASCADE: dropping a tag takes it off all courses, which is what dropping a tag means.';
CREATE INDEX ix_course_tags_tag_id ON course_tags (tag_id);

CREATE TABLE course_instructors (
    course_id     bigint       NOT NULL,
    instructor_id bigint       NOT NULL,
    teaching_role text         NOT NULL DEFAULT 'co_instructor',
    revenue_share numeric(5,2) NOT NULL DEFAULT 0,
    joined_at     timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT pk_course_instructors PRIMARY KEY (course_id, instructor_id),
    CONSTRAINT fk_course_instructors_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT fk_course_instructors_instructor_id FOREIGN KEY (instructor_id) REFERENCES instructors (user_id) ON DELETE RESTRICT,
    CONSTRAINT ck_course_instructors_teaching_role CHECK (teaching_role IN ('co_instructor', 'assistant', 'reviewer')),
    CONSTRAINT ck_course_instructors_revenue_share CHECK (revenue_share BETWEEN 0 AND 100)
);
COMMENT ON TABLE course_instructors IS 'Who teaches a course beside its owner, and for which part of the revenue. The owner has no row here: courses.instructor_id says it once, and the rest of the revenue is the owner''s.';
COMMENT ON COLUMN course_instructors.revenue_share IS 'Percent of the revenue of the course. The shares of a course sum to at most 100 (see courses.shared_revenue).';
COMMENT ON CONSTRAINT fk_course_instructors_course_id ON course_instructors IS 'CASCADE: the agreement is about the course and ends with it.';
COMMENT ON CONSTRAINT fk_course_instructors_instructor_id ON course_instructors IS 'RESTRICT: somebody who is owed a share cannot vanish.';
CREATE INDEX ix_course_instructors_instructor_id ON course_instructors (instructor_id);
