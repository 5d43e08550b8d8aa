//! `roles`: green for a role that can do its work and nothing else, red for each right too many or too few.

use underpin_model::{Severity, Verdict};

use crate::sample;

const CONFIG: &str = "
[project]
name = \"forum\"
[database]
owner_role = \"forum_owner\"
app_role = \"forum_app\"
roles = [\"forum_reader\"]
[proofs.roles]
secret = [\"people.answer\"]
";

const SCHEMA: &str = "
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
CREATE TABLE people (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, password_hash text NOT NULL, answer text NOT NULL
);
CREATE TABLE posts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person_id bigint NOT NULL REFERENCES people, body text NOT NULL);
CREATE TABLE searches (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, words text NOT NULL);
GRANT SELECT (id, name) ON people TO forum_app, forum_reader;
GRANT SELECT, INSERT ON posts TO forum_app;
CREATE FUNCTION find_posts(p_words text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.searches (words) VALUES (p_words);
    RETURN (SELECT count(*) FROM public.posts WHERE body ILIKE p_words);
END $$;
GRANT EXECUTE ON FUNCTION find_posts(text) TO forum_app;
";

const SEED: &str = "INSERT INTO people (name, password_hash, answer) SELECT 'Ada', 'x', 'y' WHERE NOT EXISTS (SELECT FROM people);";

const QUERIES: &str = "
-- name: posts_like
-- param: words text = 'hello'
SELECT find_posts($1);

-- name: people_by_name
-- param: name text = 'Ada'
SELECT id, name FROM people WHERE name = $1;
";

const WRITE: &str = "
-- name: write_post
-- param: person bigint = (SELECT min(id) FROM people)
-- param: body text = 'hello'
BEGIN;
INSERT INTO posts (person_id, body) VALUES (:person, :body);
COMMIT;
";

fn forum(config: &str, more: &str) -> sample::Sample {
    let migration = format!("{SCHEMA}\n{more}");
    sample::project(&[
        ("underpin.toml", config),
        ("migrations/001_init.sql", &migration),
        ("seed.sql", SEED),
        ("queries/posts.sql", QUERIES),
        ("transactions/write_post.sql", WRITE),
    ])
}

#[test]
fn a_role_with_its_own_work_only_is_proven() {
    let report = sample::report(&forum(CONFIG, ""), "roles");
    assert_eq!(report.verdict, Verdict::Proven, "{:?}\n{:#?}", report.reason, report.findings);
    insta::assert_snapshot!(report.reason.clone().unwrap_or_default(), @"");
    insta::assert_snapshot!(sample::table(&report, "injection"), @"");
    insta::assert_snapshot!(sample::table(&report, "forbidden"), @"");
}

#[test]
fn rights_too_many_and_too_few_are_found() {
    let report = sample::report(
        &forum(
            CONFIG,
            "GRANT TRUNCATE ON posts TO forum_app;
             GRANT CREATE ON SCHEMA public TO forum_app;
             GRANT SELECT ON people TO forum_app, forum_reader;
             REVOKE INSERT ON posts FROM forum_app;",
        ),
        "roles",
    );
    assert_eq!(report.verdict, Verdict::Broken);
    insta::assert_snapshot!(sample::findings(&report).join("\n"), @"");
    let warned = report.findings.iter().filter(|finding| finding.severity == Severity::Warning).count();
    assert_eq!(warned, 1, "the application's read of password_hash is known by its name only");
}

#[test]
fn concatenated_sql_and_open_definers_are_found() {
    let report = sample::report(
        &forum(
            CONFIG,
            "CREATE OR REPLACE FUNCTION find_posts(p_words text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
             DECLARE found bigint;
             BEGIN
                 EXECUTE format('SELECT count(*) FROM posts WHERE body = ''%s''', p_words) INTO found;
                 RETURN found;
             END $$;
             CREATE FUNCTION purge(p_condition text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
             SET search_path = pg_catalog, public, pg_temp AS $$
             BEGIN IF p_condition LIKE '%OR%' THEN DELETE FROM people; END IF; END $$;
             GRANT EXECUTE ON FUNCTION purge(text) TO forum_app;",
        ),
        "roles",
    );
    insta::assert_snapshot!(sample::findings(&report).join("\n"), @"");
    insta::assert_snapshot!(report.findings.iter().find(|one| one.code == "UP325").unwrap().message, @"");
}

#[test]
fn administrators_are_no_application() {
    let config = CONFIG.replace("owner_role = \"forum_owner\"\n", "");
    let report = sample::report(
        &forum(&config, "ALTER ROLE forum_app BYPASSRLS; GRANT pg_read_all_data TO forum_app;"),
        "roles",
    );
    let powers: Vec<_> =
        report.findings.iter().filter(|one| one.code == "UP322").map(|one| one.message.as_str()).collect();
    insta::assert_snapshot!(powers.join("\n"), @"");
}

#[test]
fn without_an_application_role_there_is_no_question() {
    let report =
        sample::report(&forum("[database]\nroles = [\"forum_app\", \"forum_reader\"]\n", ""), "roles");
    assert_eq!(report.verdict, Verdict::Skipped);
}
