//! Catalog snapshots of a database that holds one of every kind of object.

mod single_changes;

use underpin_model::catalog::{Catalog, ConstraintKind};
use underpin_model::catalog_diff::{Difference, catalog_diff};
use underpin_pg::catalog::{snapshot, table_counts};
use underpin_pg::{Server, Session};

use crate::support::{Folder, session, start};

/// See the file: stages of items that can be created in any order.
const KITCHEN_SINK: &str = include_str!("catalog/kitchen_sink.sql");

#[derive(Clone, Copy, PartialEq)]
enum Order {
    AsWritten,
    Reversed,
}

async fn create_roles(server: &Server) {
    let roles = "CREATE ROLE kitchen_owner; CREATE ROLE kitchen_app LOGIN; CREATE ROLE kitchen_reader";
    session(server).await.execute(roles).await.unwrap();
}

async fn kitchen(server: &Server, name: &str, order: Order) -> Session {
    let postgres = session(server).await;
    postgres.execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let session = Session::connect(&server.address().database(name)).await.unwrap();
    for stage in KITCHEN_SINK.split("-- stage\n").skip(1) {
        let mut items: Vec<&str> = stage.split("-- item\n").collect();
        if order == Order::Reversed {
            items.reverse();
        }
        for item in items {
            session.execute(item).await.unwrap_or_else(|error| panic!("{error:?}\n{item}"));
        }
    }
    session
}

fn difference_lines(left: &Catalog, right: &Catalog) -> Vec<String> {
    catalog_diff(left, right).into_iter().map(difference_line).collect()
}

fn difference_line(difference: Difference) -> String {
    match difference {
        Difference::OnlyLeft(object) => format!("- {object}"),
        Difference::OnlyRight(object) => format!("+ {object}"),
        // Definitions of several lines are the server's own business.
        Difference::Changed { object, attribute, left, right }
            if left.contains('\n') || right.contains('\n') =>
        {
            format!("~ {object}: {attribute}")
        }
        Difference::Changed { object, attribute, left, right } => {
            format!("~ {object}: {attribute} {left} -> {right}")
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_creation_does_not_show() {
    let folder = Folder::new();
    let server = start(&folder).await;
    create_roles(&server).await;
    let one = kitchen(&server, "one", Order::AsWritten).await;
    let other = kitchen(&server, "other", Order::Reversed).await;
    // A column that is gone leaves its number behind.
    let history = "ALTER TABLE app.person ADD gone text; ALTER TABLE app.person DROP gone; \
         DROP INDEX app.event_body; CREATE INDEX event_body ON app.event (body); \
         INSERT INTO app.animal VALUES ('cat'); VACUUM FULL app.animal";
    for statement in history.split(';') {
        other.execute(statement).await.unwrap();
    }
    let (left, right) = (snapshot(&one).await.unwrap(), snapshot(&other).await.unwrap());
    assert_eq!(difference_lines(&left, &right), [""; 0]);
    assert_eq!(left, right);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_holds_what_users_made_and_nothing_else() {
    let folder = Folder::new();
    let server = start(&folder).await;
    create_roles(&server).await;
    let session = kitchen(&server, "kitchen", Order::AsWritten).await;
    session.execute("CREATE TEMP TABLE passing (id int PRIMARY KEY)").await.unwrap();
    let catalog = snapshot(&session).await.unwrap();
    insta::assert_snapshot!(objects(&catalog), @r#"
    extension citext
    extension plpgsql
    function app.double(value integer)
    function app.double(value text)
    function app.nothing()
    function app.product(numeric)
    function app.touch()
    grant kitchen_app EXECUTE on function app.double(value integer)
    grant kitchen_app INSERT on table app.person
    grant kitchen_app SELECT on table app.person
    grant kitchen_app USAGE on schema app
    grant kitchen_app USAGE on sequence app.ticket
    grant kitchen_owner EXECUTE on default function kitchen_owner
    grant kitchen_reader SELECT on column app.person.id
    grant kitchen_reader SELECT on column app.person.name
    grant kitchen_reader SELECT on default table kitchen_owner in app
    grant public CONNECT on database current
    grant public EXECUTE on function app.double(value text)
    grant public EXECUTE on function app.nothing()
    grant public EXECUTE on function app.product(numeric)
    grant public EXECUTE on function app.touch()
    grant public SELECT on table app.adult
    grant public TEMPORARY on database current
    grant public USAGE on schema public
    grant public USAGE on type app.email
    grant public USAGE on type app.mood
    grant public USAGE on type app.point3
    grant public USAGE on type app.price_range
    grant public USAGE on type app.work_email
    other collation app.bytes
    other publication kitchen_changes
    other rule public.legacy.legacy_keep
    other statistics app.person_facts
    other text search configuration app.plain
    role kitchen_app
    role kitchen_owner
    role kitchen_reader
    role postgres
    schema Odd Schema
    schema app
    schema public
    sequence app.person_id_seq
    sequence app.purchase_id_seq
    sequence app.ticket
    sequence public.legacy_id_seq
    sequence public.legacy_small_seq
    table Odd Schema.Odd "Table
    table Odd Schema.Odd "Table column Odd Column
    table Odd Schema.Odd "Table column row
    table app.animal
    table app.animal column name
    table app.cache
    table app.cache column key
    table app.cache column value
    table app.cache constraint cache_pkey
    table app.cache index cache_pkey
    table app.dog
    table app.dog column breed
    table app.dog column name
    table app.event
    table app.event column body
    table app.event column happened_at
    table app.event column id
    table app.event constraint event_pkey
    table app.event index event_body
    table app.event index event_pkey
    table app.event trigger event_touch
    table app.event_2026
    table app.event_2026 column body
    table app.event_2026 column happened_at
    table app.event_2026 column id
    table app.event_2026 constraint event_2026_pkey
    table app.event_2026 index event_2026_body_idx
    table app.event_2026 index event_2026_pkey
    table app.event_2026 trigger event_touch
    table app.event_note
    table app.event_note column event_day
    table app.event_note column event_id
    table app.event_note column note
    table app.event_note constraint event_note_event_fkey
    table app.event_rest
    table app.event_rest column body
    table app.event_rest column happened_at
    table app.event_rest column id
    table app.event_rest constraint event_rest_pkey
    table app.event_rest index event_rest_body_idx
    table app.event_rest index event_rest_pkey
    table app.event_rest trigger event_touch
    table app.person
    table app.person column born
    table app.person column email
    table app.person column id
    table app.person column mood
    table app.person column name
    table app.person column name_length
    table app.person column seen_at
    table app.person column tags
    table app.person column updated_at
    table app.person constraint person_name_not_empty
    table app.person constraint person_pkey
    table app.person index person_email_key
    table app.person index person_name_lower
    table app.person index person_pkey
    table app.person policy person_self
    table app.person trigger person_touch
    table app.purchase
    table app.purchase column buyer_id
    table app.purchase column during
    table app.purchase column id
    table app.purchase column price
    table app.purchase constraint purchase_buyer_fkey
    table app.purchase constraint purchase_no_overlap
    table app.purchase constraint purchase_pkey
    table app.purchase constraint purchase_price_positive
    table app.purchase index purchase_no_overlap
    table app.purchase index purchase_pkey
    table public.legacy
    table public.legacy column amount
    table public.legacy column code
    table public.legacy column id
    table public.legacy column small
    table public.legacy constraint legacy_pkey
    table public.legacy index legacy_pkey
    type app.email
    type app.mood
    type app.point3
    type app.price_range
    type app.work_email
    view app.adult
    view app.adult trigger adult_insert
    view app.mood_count
    view app.mood_count index mood_count_key
    "#);
    columns_are_described(&catalog);
    constraints_and_indexes_are_described(&catalog);
    settings_do_not_matter(&session, &catalog).await;
    rows_are_counted(&session).await;
    server.stop().await.unwrap();
}

/// Lists what the comparison sees in a catalog.
fn objects(catalog: &Catalog) -> String {
    let lines = difference_lines(&Catalog::default(), catalog);
    lines.iter().map(|line| format!("{}\n", line.trim_start_matches("+ "))).collect()
}

fn columns_are_described(catalog: &Catalog) {
    let person = catalog.table("app", "person").unwrap();
    let email = person.column("email").unwrap();
    assert_eq!((email.type_name.as_str(), email.base_type.as_str()), ("app.email", "citext"));
    assert_eq!((email.domain.as_deref(), email.not_null), (Some("email"), true));
    let name = person.column("name").unwrap();
    assert_eq!((name.collation.as_deref(), name.type_category.as_str()), (Some("C"), "S"));
    assert_eq!(name.options, ["statistics=500"]);
    assert_eq!(person.column("id").unwrap().identity.as_deref(), Some("always"));
    let length = person.column("name_length").unwrap();
    assert_eq!((length.generated.as_deref(), &length.default), (Some("length((name)::text)"), &None));
    let seen = "'2026-01-02 03:04:05+00'::timestamp with time zone";
    assert_eq!(person.column("seen_at").unwrap().default.as_deref(), Some(seen));
    assert_eq!(
        (person.options.as_slice(), person.row_security_forced),
        (&["fillfactor=80".into()][..], true)
    );
    let partition = catalog.table("app", "event_2026").unwrap();
    let bound = "app.event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')";
    assert_eq!((partition.kind.as_str(), partition.partition_of.as_deref()), ("partition", Some(bound)));
    assert_eq!(catalog.table("app", "dog").unwrap().inherits, ["app.animal"]);
}

fn constraints_and_indexes_are_described(catalog: &Catalog) {
    let purchase = catalog.table("app", "purchase").unwrap();
    let key = purchase.constraints.iter().find(|one| one.kind == ConstraintKind::ForeignKey).unwrap();
    let reference = key.reference.as_ref().unwrap();
    assert_eq!((reference.schema.as_str(), reference.table.as_str()), ("app", "person"));
    assert_eq!((reference.on_delete.as_str(), reference.on_update.as_str()), ("RESTRICT", "CASCADE"));
    assert_eq!((key.columns.as_slice(), key.deferred), (&["buyer_id".into()][..], true));
    assert_eq!(purchase.primary_key(), ["id"]);
    let person = catalog.table("app", "person").unwrap();
    let index = person.indexes.iter().find(|index| index.name == "person_name_lower").unwrap();
    assert_eq!(index.keys, ["lower((name)::text)", "born"]);
    assert_eq!(index.include, ["mood"]);
    assert_eq!(index.predicate.as_deref(), Some("(mood IS NOT NULL)"));
    // Copies of this key refer to each partition; they are the server's own.
    let note = catalog.table("app", "event_note").unwrap();
    assert_eq!(note.constraints.len(), 1);
}

async fn settings_do_not_matter(session: &Session, expected: &Catalog) {
    let strange = [
        ("search_path", "app, public"),
        ("DateStyle", "German, DMY"),
        ("IntervalStyle", "iso_8601"),
        ("TimeZone", "Asia/Kathmandu"),
        ("extra_float_digits", "-5"),
        ("quote_all_identifiers", "on"),
        ("bytea_output", "escape"),
    ];
    for (name, value) in strange {
        session.execute(&format!("SELECT set_config('{name}', '{value}', false)")).await.unwrap();
    }
    assert_eq!(difference_lines(expected, &snapshot(session).await.unwrap()), [""; 0]);
    // Inside a block they must come back as well, and end with it where they were local.
    session.execute("BEGIN; SELECT set_config('search_path', 'public', true)").await.unwrap();
    assert_eq!(difference_lines(expected, &snapshot(session).await.unwrap()), [""; 0]);
    assert_eq!(session.value("SHOW search_path").await.unwrap().as_deref(), Some("public"));
    session.execute("COMMIT").await.unwrap();
    for (name, value) in strange {
        assert_eq!(session.value(&format!("SHOW {name}")).await.unwrap().as_deref(), Some(value));
    }
}

async fn rows_are_counted(session: &Session) {
    let insert = "INSERT INTO app.animal VALUES ('cat'); \
         INSERT INTO app.dog VALUES ('rex', 'pug'), ('pip', 'mutt'); \
         INSERT INTO app.event VALUES (1, '2026-03-01'), (2, '2031-01-01'); \
         INSERT INTO _sqlx_migrations VALUES (1)";
    session.execute("ALTER TABLE app.event DISABLE TRIGGER USER").await.unwrap();
    session.execute("SET search_path = public").await.unwrap();
    session.execute(insert).await.unwrap();
    let counts = table_counts(session).await.unwrap();
    let shown: Vec<String> =
        counts.iter().map(|one| format!("{}.{} {}", one.schema, one.name, one.rows)).collect();
    let expected = [
        "Odd Schema.Odd \"Table 0",
        "app.animal 1",
        "app.cache 0",
        "app.dog 2",
        "app.event_2026 1",
        "app.event_note 0",
        "app.event_rest 1",
        "app.person 0",
        "app.purchase 0",
        "public.legacy 0",
    ];
    assert_eq!(shown, expected);
}
