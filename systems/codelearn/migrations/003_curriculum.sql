-- The curriculum: sections and lessons in order, and the files of a lesson.

CREATE TABLE sections (
    id         bigint      GENERATED ALWAYS AS IDENTITY,
    course_id  bigint      NOT NULL,
    sort_order integer     NOT NULL,
    title      text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT pk_sections PRIMARY KEY (id),
    CONSTRAINT uq_sections_course_id_sort_order UNIQUE (course_id, sort_order) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT fk_sections_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT ck_sections_sort_order CHECK (sort_order > 0),
    CONSTRAINT ck_sections_title CHECK (char_length(title) BETWEEN 1 AND 160)
);
COMMENT ON TABLE sections IS 'Chapters of a course.';
COMMENT ON COLUMN sections.sort_order IS 'Place in the course; gaps are fine. A deleted section keeps its place, so that restoring it always fits. Deferrable: one statement or one transaction may reorder.';
COMMENT ON COLUMN sections.deleted_at IS 'Set when taken out of the course; its lessons disappear with it and come back with it.';
COMMENT ON CONSTRAINT fk_sections_course_id ON sections IS 'CASCADE: a section is a part of its course. A course that was ever used is held by its enrollments.';

CREATE TRIGGER trg_sections_touch BEFORE UPDATE ON sections
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER trg_sections_course_id AFTER UPDATE OF course_id ON sections
    FOR EACH ROW WHEN (NEW.course_id IS DISTINCT FROM OLD.course_id)
    EXECUTE FUNCTION refuse_change('a section stays in its course: progress of students hangs on it');

CREATE TABLE lessons (
    id               bigint      GENERATED ALWAYS AS IDENTITY,
    section_id       bigint      NOT NULL,
    sort_order       integer     NOT NULL,
    title            text        NOT NULL,
    kind             text        NOT NULL DEFAULT 'video',
    content          text,
    duration_seconds integer     NOT NULL DEFAULT 0,
    is_preview       boolean     NOT NULL DEFAULT false,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    deleted_at       timestamptz,
    CONSTRAINT pk_lessons PRIMARY KEY (id),
    CONSTRAINT uq_lessons_section_id_sort_order UNIQUE (section_id, sort_order) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT fk_lessons_section_id FOREIGN KEY (section_id) REFERENCES sections (id) ON DELETE CASCADE,
    CONSTRAINT ck_lessons_sort_order CHECK (sort_order > 0),
    CONSTRAINT ck_lessons_title CHECK (char_length(title) BETWEEN 1 AND 160),
    CONSTRAINT ck_lessons_kind CHECK (kind IN ('video', 'article', 'exercise', 'quiz')),
    CONSTRAINT ck_lessons_content CHECK (char_length(content) BETWEEN 1 AND 100000),
    CONSTRAINT ck_lessons_duration_seconds CHECK (duration_seconds BETWEEN 0 AND 86400)
);
COMMENT ON TABLE lessons IS 'The steps of a section, in order.';
COMMENT ON COLUMN lessons.sort_order IS 'Place in the section; same rules as sections.sort_order.';
COMMENT ON COLUMN lessons.content IS 'Markdown of the lesson; NULL when it consists of files only.';
COMMENT ON COLUMN lessons.duration_seconds IS 'Time to plan for the lesson.';
COMMENT ON COLUMN lessons.is_preview IS 'Open to everybody, before buying.';
COMMENT ON COLUMN lessons.deleted_at IS 'Set when taken out of the course; the progress of students is kept.';
COMMENT ON CONSTRAINT fk_lessons_section_id ON lessons IS 'CASCADE: a lesson is a part of its section. A lesson that somebody worked on is held by lesson_progress.';

CREATE TRIGGER trg_lessons_touch BEFORE UPDATE ON lessons
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE FUNCTION check_lesson_move() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF (SELECT s.course_id FROM public.sections AS s WHERE s.id = NEW.section_id)
        IS DISTINCT FROM (SELECT s.course_id FROM public.sections AS s WHERE s.id = OLD.section_id) THEN
        RAISE EXCEPTION 'lesson % cannot move to another course', NEW.id
            USING ERRCODE = 'restrict_violation', TABLE = 'lessons';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION check_lesson_move() IS 'A lesson moves between sections of its course, never to another course.';

CREATE TRIGGER trg_lessons_section_id AFTER UPDATE OF section_id ON lessons
    FOR EACH ROW WHEN (NEW.section_id IS DISTINCT FROM OLD.section_id)
    EXECUTE FUNCTION check_lesson_move();

CREATE TABLE lesson_assets (
    id             bigint      GENERATED ALWAYS AS IDENTITY,
    lesson_id      bigint      NOT NULL,
    kind           text        NOT NULL,
    title          text        NOT NULL,
    object_key     text        NOT NULL,
    content_sha256 text        NOT NULL,
    media_type     text        NOT NULL,
    byte_size      bigint      NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    deleted_at     timestamptz,
    CONSTRAINT pk_lesson_assets PRIMARY KEY (id),
    CONSTRAINT uq_lesson_assets_object_key UNIQUE (object_key),
    CONSTRAINT fk_lesson_assets_lesson_id FOREIGN KEY (lesson_id) REFERENCES lessons (id) ON DELETE CASCADE,
    CONSTRAINT ck_lesson_assets_kind CHECK (kind IN ('video', 'captions', 'slides', 'source', 'attachment')),
    CONSTRAINT ck_lesson_assets_title CHECK (char_length(title) BETWEEN 1 AND 160),
    CONSTRAINT ck_lesson_assets_object_key CHECK (char_length(object_key) BETWEEN 1 AND 512 AND object_key !~ '^/'),
    CONSTRAINT ck_lesson_assets_content_sha256 CHECK (content_sha256 ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_lesson_assets_media_type CHECK (char_length(media_type) <= 100 AND media_type ~ '^[a-z]+/[a-z0-9.+-]+$'),
    CONSTRAINT ck_lesson_assets_byte_size CHECK (byte_size > 0)
);
COMMENT ON TABLE lesson_assets IS 'Files of a lesson. The bytes are in object storage; the row keeps where they are and what they must hash to.';
COMMENT ON COLUMN lesson_assets.object_key IS 'Key in the bucket. Never reused, deleted rows included: an object is written once.';
COMMENT ON COLUMN lesson_assets.content_sha256 IS 'SHA-256 of the bytes in hex; two lessons may hold the same file under two keys.';
COMMENT ON COLUMN lesson_assets.deleted_at IS 'Set when the file is taken off the lesson; the object is removed by a later clean-up.';
COMMENT ON CONSTRAINT fk_lesson_assets_lesson_id ON lesson_assets IS 'CASCADE: a link without its lesson leads nowhere; the bucket is swept for keys without a row.';
CREATE INDEX ix_lesson_assets_lesson_id ON lesson_assets (lesson_id);
