//! Every single change shows as exactly the difference that it is.

use underpin_pg::catalog::snapshot;

use super::{Order, create_roles, difference_lines, kitchen};
use crate::support::{Folder, start};

/// A statement and the differences that it makes.
type Change = (&'static str, &'static [&'static str]);

const TABLES: &[Change] = &[
    ("DROP INDEX app.person_name_lower", &["- table app.person index person_name_lower"]),
    (
        "ALTER TABLE app.purchase ALTER price TYPE numeric(14,2)",
        &["~ table app.purchase column price: type_name numeric(12,2) -> numeric(14,2)"],
    ),
    (
        "ALTER TABLE app.purchase DROP COLUMN price",
        &["- table app.purchase column price", "- table app.purchase constraint purchase_price_positive"],
    ),
    (
        "ALTER TABLE app.person ALTER name DROP NOT NULL",
        &["~ table app.person column name: not_null true -> false"],
    ),
    (
        "ALTER TABLE app.person ALTER mood SET DEFAULT 'sad'",
        &["~ table app.person column mood: default 'ok'::app.mood -> 'sad'::app.mood"],
    ),
    (
        "ALTER TABLE app.person ALTER name SET STORAGE plain",
        &["~ table app.person column name: options [\"statistics=500\"] \
             -> [\"statistics=500\",\"storage=plain\"]"],
    ),
    ("COMMENT ON TABLE app.person IS 'persons'", &["~ table app.person: comment people -> persons"]),
    (
        "COMMENT ON COLUMN app.person.name IS NULL",
        &["~ table app.person column name: comment as they write it -> null"],
    ),
    (
        "COMMENT ON CONSTRAINT purchase_buyer_fkey ON app.purchase IS 'x'",
        &["~ table app.purchase constraint purchase_buyer_fkey: comment buyers are never deleted -> x"],
    ),
    (
        "COMMENT ON INDEX app.person_name_lower IS 'x'",
        &["~ table app.person index person_name_lower: comment for the search -> x"],
    ),
    ("ALTER TABLE app.cache SET LOGGED", &["~ table app.cache: unlogged true -> false"]),
    (
        "ALTER TABLE app.person SET (fillfactor = 70, toast.autovacuum_enabled = off)",
        &["~ table app.person: options [\"fillfactor=80\"] \
             -> [\"fillfactor=70\",\"toast.autovacuum_enabled=off\"]"],
    ),
    (
        "ALTER TABLE app.purchase OWNER TO kitchen_owner",
        &[
            "~ sequence app.purchase_id_seq: owner postgres -> kitchen_owner",
            "~ table app.purchase: owner postgres -> kitchen_owner",
        ],
    ),
    ("ALTER TABLE app.dog NO INHERIT app.animal", &["~ table app.dog: inherits [\"app.animal\"] -> []"]),
    (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'app.person_email_key'::regclass",
        &["~ table app.person index person_email_key: valid true -> false"],
    ),
    (
        "ALTER TABLE app.purchase DROP CONSTRAINT purchase_price_positive; ALTER TABLE app.purchase \
         ADD CONSTRAINT purchase_price_positive CHECK (price > 0) NOT VALID",
        &[
            "~ table app.purchase constraint purchase_price_positive: \
             definition CHECK ((price > (0)::numeric)) -> CHECK ((price > (0)::numeric)) NOT VALID",
            "~ table app.purchase constraint purchase_price_positive: validated true -> false",
        ],
    ),
];

const SECURITY: &[Change] = &[
    ("GRANT DELETE ON app.person TO kitchen_app", &["+ grant kitchen_app DELETE on table app.person"]),
    (
        "REVOKE GRANT OPTION FOR SELECT ON app.person FROM kitchen_app",
        &["~ grant kitchen_app SELECT on table app.person: grantable true -> false"],
    ),
    (
        "GRANT UPDATE (mood) ON app.person TO kitchen_reader",
        &["+ grant kitchen_reader UPDATE on column app.person.mood"],
    ),
    (
        "REVOKE EXECUTE ON FUNCTION app.touch() FROM PUBLIC",
        &["- grant public EXECUTE on function app.touch()"],
    ),
    ("REVOKE USAGE ON TYPE app.mood FROM PUBLIC", &["- grant public USAGE on type app.mood"]),
    ("GRANT CREATE ON SCHEMA app TO kitchen_app", &["+ grant kitchen_app CREATE on schema app"]),
    ("GRANT CREATE ON DATABASE kitchen TO kitchen_app", &["+ grant kitchen_app CREATE on database current"]),
    (
        "GRANT UPDATE ON SEQUENCE app.ticket TO kitchen_app",
        &["+ grant kitchen_app UPDATE on sequence app.ticket"],
    ),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE kitchen_owner IN SCHEMA app GRANT INSERT ON TABLES TO kitchen_app",
        &["+ grant kitchen_app INSERT on default table kitchen_owner in app"],
    ),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE kitchen_owner GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
        &["- grant kitchen_owner EXECUTE on default function kitchen_owner"],
    ),
    ("DROP POLICY person_self ON app.person", &["- table app.person policy person_self"]),
    (
        "ALTER POLICY person_self ON app.person TO PUBLIC WITH CHECK (true)",
        &[
            "~ table app.person policy person_self: roles [\"kitchen_app\",\"kitchen_reader\"] \
             -> [\"public\"]",
            "~ table app.person policy person_self: with_check ((name)::text <> 'root'::text) -> true",
        ],
    ),
    (
        "ALTER TABLE app.person DISABLE ROW LEVEL SECURITY",
        &["~ table app.person: row_security true -> false"],
    ),
    (
        "ALTER TABLE app.person NO FORCE ROW LEVEL SECURITY",
        &["~ table app.person: row_security_forced true -> false"],
    ),
    ("ALTER ROLE kitchen_app BYPASSRLS", &["~ role kitchen_app: bypass_rls false -> true"]),
    (
        "ALTER ROLE kitchen_app SET statement_timeout = '1s'",
        &["~ role kitchen_app: settings [] -> [\"statement_timeout=1s\"]"],
    ),
    (
        "GRANT kitchen_reader, pg_monitor TO kitchen_app",
        &["~ role kitchen_app: member_of [] -> [\"kitchen_reader\",\"pg_monitor\"]"],
    ),
];

const CODE: &[Change] = &[
    (
        "ALTER TABLE app.person DISABLE TRIGGER person_touch",
        &["~ table app.person trigger person_touch: enabled true -> false"],
    ),
    (
        "ALTER TABLE app.person ENABLE ALWAYS TRIGGER person_touch",
        &["~ table app.person trigger person_touch: firing null -> always"],
    ),
    (
        "ALTER TABLE app.event_2026 DISABLE TRIGGER event_touch",
        &["~ table app.event_2026 trigger event_touch: enabled true -> false"],
    ),
    ("DROP TRIGGER adult_insert ON app.adult", &["- view app.adult trigger adult_insert"]),
    (
        "CREATE OR REPLACE VIEW app.adult WITH (security_barrier = true) AS \
         SELECT id, name FROM app.person WHERE born < '2009-01-01' WITH CHECK OPTION",
        &["~ view app.adult: definition"],
    ),
    (
        "ALTER VIEW app.adult RESET (security_barrier)",
        &["~ view app.adult: options [\"check_option=cascaded\",\"security_barrier=true\"] \
         -> [\"check_option=cascaded\"]"],
    ),
    ("DROP INDEX app.mood_count_key", &["- view app.mood_count index mood_count_key"]),
    (
        "CREATE OR REPLACE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        &["~ function app.touch(): definition"],
    ),
    ("ALTER FUNCTION app.double(text) STRICT", &["~ function app.double(value text): definition"]),
    (
        "ALTER SEQUENCE app.ticket INCREMENT 7",
        &["~ sequence app.ticket: parameters 10/5/1/1000/1/cycle -> 10/7/1/1000/1/cycle"],
    ),
    (
        "ALTER TYPE app.mood RENAME VALUE 'ok' TO 'fine'",
        &[
            "~ table app.person column mood: default 'ok'::app.mood -> 'fine'::app.mood",
            "~ type app.mood: definition 'sad', 'ok', 'it''s fine' -> 'sad', 'fine', 'it''s fine'",
        ],
    ),
    (
        "ALTER DOMAIN app.work_email SET DEFAULT 'a@b'",
        &["~ type app.work_email: definition app.email -> app.email DEFAULT 'a@b'::public.citext"],
    ),
    ("DROP RULE legacy_keep ON public.legacy", &["- other rule public.legacy.legacy_keep"]),
    (
        "ALTER PUBLICATION kitchen_changes ADD TABLE public.legacy",
        &["~ other publication kitchen_changes: definition \
             owner postgres insert update delete truncate app.person \
         -> owner postgres insert update delete truncate app.person, public.legacy"],
    ),
];

/// None of this is part of the schema.
const INVISIBLE: &[Change] = &[
    ("CREATE TEMP TABLE passing (id serial PRIMARY KEY)", &[]),
    ("CREATE TABLE underpin.more (id serial PRIMARY KEY); GRANT SELECT ON underpin.more TO kitchen_app", &[]),
    ("CREATE TABLE public.schema_migrations (version serial PRIMARY KEY)", &[]),
    ("INSERT INTO app.animal VALUES ('cat'); ANALYZE app.animal; SELECT nextval('app.ticket')", &[]),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_change_shows_as_itself() {
    let folder = Folder::new();
    let server = start(&folder).await;
    create_roles(&server).await;
    let session = kitchen(&server, "kitchen", Order::AsWritten).await;
    let before = snapshot(&session).await.unwrap();
    for (change, expected) in [TABLES, SECURITY, CODE, INVISIBLE].concat() {
        session.execute("BEGIN").await.unwrap();
        session.execute(change).await.unwrap_or_else(|error| panic!("{error:?}\n{change}"));
        let after = snapshot(&session).await.unwrap();
        session.execute("ROLLBACK").await.unwrap();
        assert_eq!(difference_lines(&before, &after), expected, "{change}");
    }
    assert_eq!(snapshot(&session).await.unwrap(), before);
    server.stop().await.unwrap();
}
