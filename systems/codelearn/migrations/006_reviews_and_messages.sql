-- Reviews, notifications to people, and events to other systems.

CREATE TABLE reviews (
    id         bigint      GENERATED ALWAYS AS IDENTITY,
    user_id    bigint      NOT NULL,
    course_id  bigint      NOT NULL,
    rating     smallint    NOT NULL,
    body       text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT pk_reviews PRIMARY KEY (id),
    CONSTRAINT uq_reviews_user_id_course_id UNIQUE (user_id, course_id),
    CONSTRAINT fk_reviews_user_id_course_id FOREIGN KEY (user_id, course_id) REFERENCES enrollments (user_id, course_id) ON DELETE RESTRICT,
    CONSTRAINT ck_reviews_rating CHECK (rating BETWEEN 1 AND 5),
    CONSTRAINT ck_reviews_body CHECK (char_length(body) BETWEEN 1 AND 10000)
);
COMMENT ON TABLE reviews IS 'One opinion per enrollment. Unique over deleted reviews too: what moderation removed does not come back by writing it again.';
COMMENT ON COLUMN reviews.rating IS 'One to five stars.';
COMMENT ON COLUMN reviews.body IS 'NULL for stars without words.';
COMMENT ON COLUMN reviews.deleted_at IS 'Set when withdrawn or moderated; the review no longer counts. NULL again restores it unchanged.';
COMMENT ON CONSTRAINT fk_reviews_user_id_course_id ON reviews IS 'RESTRICT: who reviewed was a student of the course; that proof must not disappear. The natural key of the enrollment says student and course without a second copy of either.';
CREATE INDEX ix_reviews_course_id_created_at ON reviews (course_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;

CREATE TRIGGER trg_reviews_touch BEFORE UPDATE ON reviews
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER trg_reviews_identity AFTER UPDATE OF user_id, course_id ON reviews
    FOR EACH ROW WHEN (NEW.user_id IS DISTINCT FROM OLD.user_id OR NEW.course_id IS DISTINCT FROM OLD.course_id)
    EXECUTE FUNCTION refuse_change('a review stays with its author and its course');

CREATE TABLE notifications (
    id         bigint      GENERATED ALWAYS AS IDENTITY,
    user_id    bigint      NOT NULL,
    course_id  bigint,
    kind       text        NOT NULL,
    message    text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    read_at    timestamptz,
    CONSTRAINT pk_notifications PRIMARY KEY (id),
    CONSTRAINT fk_notifications_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT fk_notifications_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE SET NULL,
    CONSTRAINT ck_notifications_kind CHECK (kind IN (
        'welcome', 'enrolled', 'purchased', 'refunded', 'cancelled', 'completed', 'published', 'joined', 'reviewed'
    )),
    CONSTRAINT ck_notifications_message CHECK (char_length(message) BETWEEN 1 AND 500)
);
COMMENT ON TABLE notifications IS 'The bell: short messages to one person.';
COMMENT ON COLUMN notifications.course_id IS 'Course to link to; NULL when the message is about none.';
COMMENT ON COLUMN notifications.read_at IS 'NULL while unread.';
COMMENT ON CONSTRAINT fk_notifications_user_id ON notifications IS 'CASCADE: messages to nobody.';
COMMENT ON CONSTRAINT fk_notifications_course_id ON notifications IS 'SET NULL: the message stays readable, only its link is gone.';
CREATE INDEX ix_notifications_user_id_created_at ON notifications (user_id, created_at DESC, id DESC);
CREATE INDEX ix_notifications_course_id ON notifications (course_id);

CREATE TABLE outbox_events (
    id            bigint      GENERATED ALWAYS AS IDENTITY,
    topic         text        NOT NULL,
    payload       jsonb       NOT NULL,
    attempt_count integer     NOT NULL DEFAULT 0,
    last_error    text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    available_at  timestamptz NOT NULL DEFAULT now(),
    published_at  timestamptz,
    CONSTRAINT pk_outbox_events PRIMARY KEY (id),
    CONSTRAINT ck_outbox_events_topic CHECK (char_length(topic) <= 100 AND topic ~ '^[a-z_]+\.[a-z_]+$'),
    CONSTRAINT ck_outbox_events_payload CHECK (jsonb_typeof(payload) = 'object'),
    CONSTRAINT ck_outbox_events_attempt_count CHECK (attempt_count >= 0),
    CONSTRAINT ck_outbox_events_last_error CHECK (char_length(last_error) BETWEEN 1 AND 2000)
);
COMMENT ON TABLE outbox_events IS 'Events for mail, search and analytics, written in the transaction they report and delivered afterwards by a worker: at least once, so consumers use the id to drop repeats.';
COMMENT ON COLUMN outbox_events.topic IS 'Subject and what happened, e.g. enrollment.created.';
COMMENT ON COLUMN outbox_events.payload IS 'What consumers need. Semi-structured on purpose: its shape belongs to the topic, not to this table.';
COMMENT ON COLUMN outbox_events.attempt_count IS 'Deliveries tried.';
COMMENT ON COLUMN outbox_events.last_error IS 'Why the last try failed; NULL when none did.';
COMMENT ON COLUMN outbox_events.available_at IS 'Not before this time; pushed back after a failure.';
COMMENT ON COLUMN outbox_events.published_at IS 'NULL until delivered.';
CREATE INDEX ix_outbox_events_pending ON outbox_events (available_at, id) WHERE published_at IS NULL;
