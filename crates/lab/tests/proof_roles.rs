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
    insta::assert_snapshot!(report.reason.clone().unwrap_or_default(), @r#"forum_app did 3 of 3 of its own queries and transactions; 37 of 37 forbidden statements were refused; 56 injection strings were passed as parameters."#);
    insta::assert_snapshot!(sample::table(&report, "injection"), @r#"
    query posts_like, words | 14 | 0 | none
    query people_by_name, name | 14 | 0 | none
    function find_posts(p_words text), argument 1 (text) | 14 | 0 | none
    transaction write_post, body | 14 | 0 | none
    "#);
    insta::assert_snapshot!(sample::table(&report, "forbidden"), @r#"
    DROP a table | DROP TABLE "public"."people" | 4 | 4
    ALTER a table | ALTER TABLE "public"."people" ADD COLUMN underpin_probe int | 4 | 4
    disable triggers | ALTER TABLE "public"."people" DISABLE TRIGGER ALL | 4 | 4
    TRUNCATE a table | TRUNCATE "public"."people" | 4 | 4
    write the migration ledger | DELETE FROM "underpin"."migrations" | 1 | 1
    CREATE in a schema | CREATE TABLE "public"."underpin_probe" (x int) | 2 | 2
    DROP a schema | DROP SCHEMA "public" CASCADE | 2 | 2
    CREATE SCHEMA | CREATE SCHEMA underpin_probe | 1 | 1
    CREATE ROLE | CREATE ROLE underpin_probe | 1 | 1
    read password hashes | SELECT rolpassword FROM pg_catalog.pg_authid | 2 | 2
    read column statistics | SELECT stavalues1 FROM pg_catalog.pg_statistic LIMIT 1 | 1 | 1
    read the server's files | SELECT pg_read_file('PG_VERSION') | 3 | 3
    write the server's files | COPY (SELECT 1) TO '/dev/null' | 1 | 1
    run programs on the server | COPY (SELECT 1) TO PROGRAM 'true' | 1 | 1
    reload the server | SELECT pg_reload_conf() | 1 | 1
    end others' sessions | SELECT pg_terminate_backend(current_setting('underpin.victim')::int) | 1 | 1
    switch off triggers | SET LOCAL session_replication_role = replica | 1 | 1
    ALTER SYSTEM | ALTER SYSTEM SET update_process_title = on | 1 | 1
    become the owner | SET LOCAL ROLE "forum_owner" | 2 | 2
    "#);
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
    insta::assert_snapshot!(sample::findings(&report).join("\n"), @r#"
    UP320 transaction write_post
    UP321 schema public
    UP321 table posts
    UP323 table people.answer
    UP323 table people.answer
    UP323 table people.password_hash
    UP323 table people.password_hash
    "#);
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
    insta::assert_snapshot!(sample::findings(&report).join("\n"), @r#"
    UP324 function find_posts
    UP325 function find_posts
    UP325 query posts_like
    UP326 function purge
    "#);
    insta::assert_snapshot!(report.findings.iter().find(|one| one.code == "UP325").unwrap().message, @r#"The value '1; SELECT set_config(''underpin.injected'', ''yes'', false); --' for argument 1 (text) of the function find_posts is code: the server read it as SQL (syntax error at or near "underpin")."#);
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
    insta::assert_snapshot!(powers.join("\n"), @r#"
    The application role forum_app is BYPASSRLS: row-level security does not bind it.
    The application role forum_app is a member of pg_read_all_data: whatever pg_read_all_data may do, it may do.
    "#);
}

#[test]
fn without_an_application_role_there_is_no_question() {
    let report =
        sample::report(&forum("[database]\nroles = [\"forum_app\", \"forum_reader\"]\n", ""), "roles");
    assert_eq!(report.verdict, Verdict::Skipped);
}
