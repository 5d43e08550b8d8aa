-- The shop window of the home page: editors put courses into numbered places for a period.

CREATE TABLE featured_courses (
    id              bigint      GENERATED ALWAYS AS IDENTITY,
    course_id       bigint      NOT NULL,
    place           smallint    NOT NULL,
    featured_during tstzrange   NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_featured_courses PRIMARY KEY (id),
    CONSTRAINT fk_featured_courses_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT ck_featured_courses_place CHECK (place BETWEEN 1 AND 12),
    CONSTRAINT ck_featured_courses_featured_during CHECK (NOT isempty(featured_during)),
    CONSTRAINT ex_featured_courses_place EXCLUDE USING gist (place WITH =, featured_during WITH &&)
);
COMMENT ON TABLE featured_courses IS 'Editors'' choice: which course is in which place of the shop window, and when.';
COMMENT ON COLUMN featured_courses.place IS 'Place in the window, 1 first. At any instant a place holds at most one course.';
COMMENT ON COLUMN featured_courses.featured_during IS 'From (inclusive) until (exclusive).';
COMMENT ON CONSTRAINT fk_featured_courses_course_id ON featured_courses IS 'CASCADE: an empty frame is not shown.';
COMMENT ON CONSTRAINT ex_featured_courses_place ON featured_courses IS 'Two editors cannot promise the same place for overlapping periods.';
CREATE INDEX ix_featured_courses_course_id ON featured_courses (course_id);

CREATE VIEW home_features AS
SELECT f.place, f.featured_during, p.id, p.slug, p.title, p.subtitle, p.price, p.currency, p.seats_left, p.rating_average, p.instructor_name
FROM featured_courses AS f
JOIN published_courses AS p ON p.id = f.course_id
WHERE f.featured_during @> now();
COMMENT ON VIEW home_features IS 'The shop window right now.';

GRANT SELECT ON featured_courses, home_features TO webapp, analyst;
