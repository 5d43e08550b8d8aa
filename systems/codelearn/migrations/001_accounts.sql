-- Accounts: who someone is (users), how they prove it (credentials), and what they may do (students, instructors).

-- A new function is callable by nobody until a migration grants it. PostgreSQL's own default is EXECUTE for
-- PUBLIC, which is the wrong default for functions that run with the rights of their owner.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE FUNCTION touch_updated_at() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION touch_updated_at() IS 'Keeps updated_at honest; attached BEFORE UPDATE.';

CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '%: % is not allowed', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', DETAIL = TG_ARGV[0], TABLE = TG_TABLE_NAME;
END
$$;
COMMENT ON FUNCTION refuse_change() IS
    'Refuses the statement that fired it; the trigger''s argument is the reason. Attached AFTER, so that a broken constraint is reported as itself.';

CREATE TABLE users (
    id            bigint      GENERATED ALWAYS AS IDENTITY,
    email         citext      NOT NULL,
    slug          text        NOT NULL,
    display_name  text        NOT NULL,
    language_code text        NOT NULL DEFAULT 'en',
    time_zone     text        NOT NULL DEFAULT 'UTC',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    deleted_at    timestamptz,
    CONSTRAINT pk_users PRIMARY KEY (id),
    CONSTRAINT uq_users_email UNIQUE (email),
    CONSTRAINT uq_users_slug UNIQUE (slug),
    CONSTRAINT ck_users_email CHECK (char_length(email) <= 254 AND email ~ '^[^@[:space:]]+@[^@[:space:]]+\.[^@[:space:]]+$'),
    CONSTRAINT ck_users_slug CHECK (char_length(slug) <= 80 AND slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    CONSTRAINT ck_users_display_name CHECK (char_length(display_name) BETWEEN 1 AND 100),
    CONSTRAINT ck_users_language_code CHECK (language_code ~ '^[a-z]{2}$'),
    CONSTRAINT ck_users_time_zone CHECK (char_length(time_zone) BETWEEN 1 AND 64)
);
COMMENT ON TABLE users IS 'One row per person: the public profile and the address. Nothing secret lives here.';
COMMENT ON COLUMN users.email IS 'Compared without regard to case. Unique over deleted accounts too: an address is never handed to a second account, so an account can always be restored.';
COMMENT ON COLUMN users.slug IS 'Public handle in links. Unique over deleted accounts too: nobody may take over the handle of a person who left.';
COMMENT ON COLUMN users.language_code IS 'ISO 639-1 code of the language for pages and mail.';
COMMENT ON COLUMN users.time_zone IS 'IANA name, for display only; every time in the database is an instant.';
COMMENT ON COLUMN users.deleted_at IS 'Set when the account is closed; NULL again restores it unchanged.';

CREATE TRIGGER trg_users_touch BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE credentials (
    user_id              bigint      NOT NULL,
    password_hash        text        NOT NULL,
    failed_attempt_count integer     NOT NULL DEFAULT 0,
    locked_until         timestamptz,
    changed_at           timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_credentials PRIMARY KEY (user_id),
    CONSTRAINT fk_credentials_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT ck_credentials_password_hash CHECK (
        password_hash ~ '^\$2[aby]\$(1[0-9]|2[0-9]|3[01])\$[./A-Za-z0-9]{53}$'
        OR password_hash ~ '^\$argon2id\$v=19\$m=[0-9]{4,8},t=[0-9]{1,3},p=[0-9]{1,3}\$[A-Za-z0-9+/]{16,}\$[A-Za-z0-9+/]{32,}$'
    ),
    CONSTRAINT ck_credentials_failed_attempt_count CHECK (failed_attempt_count >= 0)
);
COMMENT ON TABLE credentials IS 'Apart from users, so that no query on profiles can reach a hash. No role reads it directly; the three functions of 011 are the only way in.';
COMMENT ON COLUMN credentials.password_hash IS 'bcrypt with cost 10 or more, or argon2id; anything else, above all a clear password, is refused.';
COMMENT ON COLUMN credentials.failed_attempt_count IS 'Failed logins since the last success.';
COMMENT ON COLUMN credentials.locked_until IS 'No login before this time; NULL when not locked.';
COMMENT ON COLUMN credentials.changed_at IS 'When the hash was last set; sessions older than this are void.';
COMMENT ON CONSTRAINT fk_credentials_user_id ON credentials IS 'CASCADE: a secret must not outlive its account.';

CREATE TABLE students (
    user_id             bigint      NOT NULL,
    weekly_goal_minutes integer,
    created_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_students PRIMARY KEY (user_id),
    CONSTRAINT fk_students_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT ck_students_weekly_goal_minutes CHECK (weekly_goal_minutes BETWEEN 1 AND 10080)
);
COMMENT ON TABLE students IS 'The role student: a row here is the role. A user may have a row in instructors as well.';
COMMENT ON COLUMN students.weekly_goal_minutes IS 'Learning goal the student chose; NULL when none was chosen.';
COMMENT ON CONSTRAINT fk_students_user_id ON students IS 'CASCADE: the role is part of the account; enrollments in turn protect the student.';

CREATE TABLE instructors (
    user_id    bigint      NOT NULL,
    headline   text        NOT NULL,
    biography  text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_instructors PRIMARY KEY (user_id),
    CONSTRAINT fk_instructors_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT ck_instructors_headline CHECK (char_length(headline) BETWEEN 1 AND 160),
    CONSTRAINT ck_instructors_biography CHECK (char_length(biography) BETWEEN 1 AND 10000)
);
COMMENT ON TABLE instructors IS 'The role instructor with its public teaching profile: a row here is the role.';
COMMENT ON COLUMN instructors.headline IS 'One line under the name, e.g. "Database engineer and author".';
COMMENT ON COLUMN instructors.biography IS 'Markdown; NULL until written.';
COMMENT ON CONSTRAINT fk_instructors_user_id ON instructors IS 'CASCADE: the role is part of the account; courses in turn protect the instructor.';

CREATE TRIGGER trg_instructors_touch BEFORE UPDATE ON instructors
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
