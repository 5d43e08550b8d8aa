-- Learning: enrollments, the progress in them, and the certificate at the end.

CREATE TABLE enrollments (
    id             bigint      GENERATED ALWAYS AS IDENTITY,
    user_id        bigint      NOT NULL,
    course_id      bigint      NOT NULL,
    status         text        NOT NULL DEFAULT 'pending',
    last_lesson_id bigint,
    completed_at   timestamptz,
    cancelled_at   timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_enrollments PRIMARY KEY (id),
    CONSTRAINT uq_enrollments_user_id_course_id UNIQUE (user_id, course_id),
    CONSTRAINT fk_enrollments_user_id FOREIGN KEY (user_id) REFERENCES students (user_id) ON DELETE RESTRICT,
    CONSTRAINT fk_enrollments_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE RESTRICT,
    CONSTRAINT fk_enrollments_last_lesson_id FOREIGN KEY (last_lesson_id) REFERENCES lessons (id) ON DELETE SET NULL,
    CONSTRAINT ck_enrollments_status CHECK (status IN ('pending', 'active', 'completed', 'cancelled')),
    CONSTRAINT ck_enrollments_completed_at CHECK ((status = 'completed') = (completed_at IS NOT NULL)),
    CONSTRAINT ck_enrollments_cancelled_at CHECK ((status = 'cancelled') = (cancelled_at IS NOT NULL))
);
COMMENT ON TABLE enrollments IS 'A student in a course. Also the lock of everything that happens between the two: whoever pays, refunds, completes or reviews holds this row.';
COMMENT ON COLUMN enrollments.status IS 'pending: seat held, not paid; active: learning; completed: every lesson done, final; cancelled: seat given back, may enroll again.';
COMMENT ON COLUMN enrollments.last_lesson_id IS 'The lesson opened last: the player resumes here, or behind it once it is done. NULL before the first lesson.';
COMMENT ON COLUMN enrollments.completed_at IS 'Set exactly while status is completed.';
COMMENT ON COLUMN enrollments.cancelled_at IS 'Set exactly while status is cancelled.';
COMMENT ON CONSTRAINT fk_enrollments_user_id ON enrollments IS 'RESTRICT: an enrollment is a business record; accounts are closed by deleted_at.';
COMMENT ON CONSTRAINT fk_enrollments_course_id ON enrollments IS 'RESTRICT: a course that somebody took is closed by deleted_at, not removed.';
COMMENT ON CONSTRAINT fk_enrollments_last_lesson_id ON enrollments IS 'SET NULL: a bookmark into a lesson that is gone is no bookmark; the enrollment stays.';
CREATE INDEX ix_enrollments_course_id_created_at ON enrollments (course_id, created_at);
CREATE INDEX ix_enrollments_last_lesson_id ON enrollments (last_lesson_id);

CREATE TRIGGER trg_enrollments_touch BEFORE UPDATE OF status, last_lesson_id, completed_at, cancelled_at ON enrollments
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER trg_enrollments_identity AFTER UPDATE OF user_id, course_id ON enrollments
    FOR EACH ROW WHEN (NEW.user_id IS DISTINCT FROM OLD.user_id OR NEW.course_id IS DISTINCT FROM OLD.course_id)
    EXECUTE FUNCTION refuse_change('an enrollment stays with its student and its course');
CREATE TRIGGER trg_enrollments_completed AFTER UPDATE OF status ON enrollments
    FOR EACH ROW WHEN (OLD.status = 'completed' AND NEW.status <> 'completed')
    EXECUTE FUNCTION refuse_change('completed is final: a certificate may rest on it');

CREATE FUNCTION check_last_lesson() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM public.lessons AS l
        JOIN public.sections AS s ON s.id = l.section_id
        WHERE l.id = NEW.last_lesson_id AND s.course_id = NEW.course_id
    ) THEN
        RAISE EXCEPTION 'lesson % is not part of course %', NEW.last_lesson_id, NEW.course_id
            USING ERRCODE = 'check_violation', TABLE = 'enrollments', COLUMN = 'last_lesson_id';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION check_last_lesson() IS 'The bookmark of an enrollment points into its own course. Safe without locks: lessons never change course.';

CREATE TRIGGER trg_enrollments_last_lesson_insert AFTER INSERT ON enrollments
    FOR EACH ROW WHEN (NEW.last_lesson_id IS NOT NULL)
    EXECUTE FUNCTION check_last_lesson();
CREATE TRIGGER trg_enrollments_last_lesson_update AFTER UPDATE OF last_lesson_id ON enrollments
    FOR EACH ROW WHEN (NEW.last_lesson_id IS NOT NULL AND NEW.last_lesson_id IS DISTINCT FROM OLD.last_lesson_id)
    EXECUTE FUNCTION check_last_lesson();

CREATE TABLE lesson_progress (
    enrollment_id   bigint      NOT NULL,
    lesson_id       bigint      NOT NULL,
    watched_seconds integer     NOT NULL DEFAULT 0,
    started_at      timestamptz NOT NULL DEFAULT now(),
    completed_at    timestamptz,
    CONSTRAINT pk_lesson_progress PRIMARY KEY (enrollment_id, lesson_id),
    CONSTRAINT fk_lesson_progress_enrollment_id FOREIGN KEY (enrollment_id) REFERENCES enrollments (id) ON DELETE RESTRICT,
    CONSTRAINT fk_lesson_progress_lesson_id FOREIGN KEY (lesson_id) REFERENCES lessons (id) ON DELETE RESTRICT,
    CONSTRAINT ck_lesson_progress_watched_seconds CHECK (watched_seconds >= 0),
    CONSTRAINT ck_lesson_progress_completed_at CHECK (completed_at >= started_at)
);
COMMENT ON TABLE lesson_progress IS 'What a student did in a lesson. No row: not opened yet.';
COMMENT ON COLUMN lesson_progress.watched_seconds IS 'Position in the video, or time spent.';
COMMENT ON COLUMN lesson_progress.completed_at IS 'NULL while in progress.';
COMMENT ON CONSTRAINT fk_lesson_progress_enrollment_id ON lesson_progress IS 'RESTRICT: work that was done is not thrown away by removing an enrollment; cancel it instead.';
COMMENT ON CONSTRAINT fk_lesson_progress_lesson_id ON lesson_progress IS 'RESTRICT: a lesson somebody worked on is taken out by deleted_at.';
CREATE INDEX ix_lesson_progress_lesson_id ON lesson_progress (lesson_id);

CREATE FUNCTION check_lesson_progress() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM public.enrollments AS e
        JOIN public.sections AS s ON s.course_id = e.course_id
        JOIN public.lessons AS l ON l.section_id = s.id
        WHERE e.id = NEW.enrollment_id AND l.id = NEW.lesson_id
    ) THEN
        RAISE EXCEPTION 'lesson % is not part of the course of enrollment %', NEW.lesson_id, NEW.enrollment_id
            USING ERRCODE = 'check_violation', TABLE = 'lesson_progress', COLUMN = 'lesson_id';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION check_lesson_progress() IS 'Progress is about a lesson of the enrolled course. Safe without locks: lessons and enrollments never change course.';

CREATE TRIGGER trg_lesson_progress_course AFTER INSERT OR UPDATE OF enrollment_id, lesson_id ON lesson_progress
    FOR EACH ROW EXECUTE FUNCTION check_lesson_progress();

CREATE TABLE certificates (
    id            bigint      GENERATED ALWAYS AS IDENTITY,
    enrollment_id bigint      NOT NULL,
    code          text        NOT NULL,
    holder_name   text        NOT NULL,
    course_title  text        NOT NULL,
    issued_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_certificates PRIMARY KEY (id),
    CONSTRAINT uq_certificates_enrollment_id UNIQUE (enrollment_id),
    CONSTRAINT uq_certificates_code UNIQUE (code),
    CONSTRAINT fk_certificates_enrollment_id FOREIGN KEY (enrollment_id) REFERENCES enrollments (id) ON DELETE RESTRICT,
    CONSTRAINT ck_certificates_code CHECK (code ~ '^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$'),
    CONSTRAINT ck_certificates_holder_name CHECK (char_length(holder_name) BETWEEN 1 AND 100),
    CONSTRAINT ck_certificates_course_title CHECK (char_length(course_title) BETWEEN 1 AND 160)
);
COMMENT ON TABLE certificates IS 'Proof of completion; at most one per enrollment, only for a completed one.';
COMMENT ON COLUMN certificates.code IS 'Public, unguessable code that anybody may verify: a random UUID in capitals.';
COMMENT ON COLUMN certificates.holder_name IS 'The name printed on it. A certificate is a document: what it says does not change when a profile or a course is renamed or deleted.';
COMMENT ON COLUMN certificates.course_title IS 'The title printed on it; see holder_name.';
COMMENT ON CONSTRAINT fk_certificates_enrollment_id ON certificates IS 'RESTRICT: somebody may have shown the certificate to an employer; it must stay verifiable.';

CREATE FUNCTION check_certificate() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.enrollments AS e WHERE e.id = NEW.enrollment_id AND e.status = 'completed'
    ) THEN
        RAISE EXCEPTION 'enrollment % is not completed', NEW.enrollment_id
            USING ERRCODE = 'check_violation', TABLE = 'certificates', COLUMN = 'enrollment_id';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION check_certificate() IS 'A certificate needs a completed enrollment. Safe without locks: completed is final.';

CREATE TRIGGER trg_certificates_completed AFTER INSERT OR UPDATE OF enrollment_id ON certificates
    FOR EACH ROW EXECUTE FUNCTION check_certificate();
