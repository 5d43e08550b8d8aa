//! Every recipe of `migrate new` is written, read back, taken back and walked through with real rows, while both versions
//! of the application run.

use underpin_lab::migrator::{ApplyOptions, ContractGuard, Goal, PhaseWish, migrate_phase, migrate_up};
use underpin_lab::recipe::{Change, Recipe, RecipeError, write_recipe};
use underpin_lab::script_run::ScriptRun;
use underpin_model::catalog::Catalog;
use underpin_model::catalog_diff::catalog_diff;
use underpin_model::event::Silent;
use underpin_model::project::Migration;
use underpin_model::script::TransactionScript;
use underpin_pg::{Address, Session};

use crate::migrating::{Place, ask, migrations};

const SHOP: &str = "CREATE ROLE recipe_app;
CREATE TABLE users (
    tenant int, id int, phone text NOT NULL DEFAULT 'none', full_name text, email text,
    bio text, avatar text NOT NULL, amount numeric(12,2) NOT NULL DEFAULT 0, note text,
    PRIMARY KEY (tenant, id), CONSTRAINT users_phone_check CHECK (phone <> '')
);
CREATE INDEX users_phone_idx ON users (tenant, phone);
GRANT SELECT (phone) ON users TO recipe_app;
CREATE TABLE profiles (
    tenant int, id int, motto text, age int NOT NULL, PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, id) REFERENCES users ON DELETE CASCADE
);
CREATE VIEW mails AS SELECT email FROM users;";

/// 300 rows in three tenants, keys with gaps; every third has no profile.
const ROWS: &str = "INSERT INTO users SELECT n % 3, n * 2, '+49 ' || n, 'Ada ' || n || ' Lovelace', 'a@b', \
                    CASE WHEN n % 4 > 0 THEN 'bio ' || n END, 'a' || n, n / 7.0, CASE WHEN n % 5 > 0 THEN 'n' END \
                    FROM generate_series(1, 300) AS n; \
                    INSERT INTO profiles SELECT tenant, id, 'm' || id, id FROM users WHERE id % 3 > 0;";

async fn catalog(address: &Address) -> Catalog {
    let session = Session::connect(address).await.unwrap();
    let catalog = underpin_pg::catalog::snapshot(&session).await.unwrap();
    session.close().await;
    catalog
}

fn differences(left: &Catalog, right: &Catalog) -> Vec<String> {
    catalog_diff(left, right).iter().map(|one| format!("{one:?}")).collect()
}

async fn walk(address: &Address, files: &[Migration], goal: Goal) {
    let guard = ContractGuard::nobody();
    let wish = PhaseWish { version: None, goal, apply: ApplyOptions::default(), guard };
    migrate_phase(address, files, &wish, &Silent).await.unwrap_or_else(|error| panic!("{goal:?}: {error:?}"));
}

async fn play(address: &Address, script: &TransactionScript, times: u64) {
    let session = Session::connect(address).await.unwrap();
    for nth in 0..times {
        let mut run = ScriptRun::new(script, Default::default(), nth).unwrap();
        run.to_end(&session).await.unwrap_or_else(|fault| panic!("{}: {}", script.file, fault.chain()));
    }
    session.close().await;
}

/// Walks one recipe through; returns what is different in the catalog afterwards.
async fn prove(place: &Place, name: &str, change: Change) -> Vec<String> {
    let database = place.database(name).await;
    let shop = SHOP.replace("CREATE ROLE recipe_app;", "");
    let first = ("migrations/001_shop.sql", shop.as_str());
    migrate_up(&database, &migrations(&[first]), &ApplyOptions::default(), &Silent).await.unwrap();
    ask(&database, ROWS).await;
    let before = catalog(&database).await;
    let recipe = Recipe { name: name.to_owned(), table: "users".to_owned(), change };
    let written = write_recipe(&before, &recipe).unwrap_or_else(|error| panic!("{name}: {error}"));
    let paths: Vec<(String, String)> =
        written.into_iter().map(|file| (format!("migrations/002_{name}/{}", file.name), file.text)).collect();
    let paths: Vec<(&str, &str)> =
        [first].into_iter().chain(paths.iter().map(|(path, text)| (path.as_str(), text.as_str()))).collect();
    let files = migrations(&paths);
    let phases = files[1].phases.as_ref().unwrap();
    let (old, new) = (phases.old.as_ref().unwrap(), phases.new.as_ref().unwrap());

    play(&database, old, 5).await;
    walk(&database, &files, Goal::Expand).await;
    play(&database, old, 20).await;
    walk(&database, &files, Goal::Revert).await;
    assert_eq!(differences(&before, &catalog(&database).await), Vec::<String>::new(), "{name} reverted");

    walk(&database, &files, Goal::Expand).await;
    play(&database, old, 20).await;
    walk(&database, &files, Goal::Verify).await;
    for _ in 0..10 {
        play(&database, old, 2).await;
        play(&database, new, 2).await;
    }
    // Contract runs the verification again.
    walk(&database, &files, Goal::Contract).await;
    play(&database, new, 20).await;
    assert_eq!(ask(&database, "SELECT count(*) FROM users").await, "300");
    let left = "SELECT count(*) FROM pg_proc WHERE proname LIKE 'zz\\_%'";
    assert_eq!(ask(&database, left).await, "0", "{name} left a function");
    let after = catalog(&database).await;
    let mut lines = differences(&before, &after);
    lines.sort();
    lines
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn changes() -> Vec<(&'static str, Change)> {
    vec![
        ("rename_phone", Change::RenameColumn { column: text("phone"), to: text("mobile") }),
        (
            "amount_to_cents",
            Change::ChangeType {
                column: text("amount"),
                to: text("amount_cents"),
                type_name: text("bigint"),
                using: Some(text("round(amount * 100)::bigint")),
                back: Some(text("amount_cents / 100.0")),
            },
        ),
        (
            "split_name",
            Change::SplitColumn {
                column: text("full_name"),
                into: vec![
                    (text("given_name"), text("split_part(full_name, ' ', 1)")),
                    (
                        text("family_name"),
                        text("nullif(substr(full_name, strpos(full_name || ' ', ' ') + 1), '')"),
                    ),
                ],
                join: text(
                    "CASE WHEN num_nonnulls(given_name, family_name) > 0 THEN concat_ws(' ', given_name, family_name) END",
                ),
            },
        ),
        ("note_not_null", Change::AddNotNull { column: text("note"), value: text("''") }),
        ("drop_avatar", Change::DropColumn { column: text("avatar") }),
        ("split_faces", Change::SplitTable { to: text("faces"), columns: vec![text("bio"), text("avatar")] }),
        ("merge_profiles", Change::MergeTables { from: text("profiles") }),
    ]
}

#[tokio::test]
async fn every_recipe_can_be_taken_back_and_walked_through_under_both_versions() {
    let place = Place::start().await;
    ask(&place.database("roles").await, "CREATE ROLE recipe_app").await;
    let mut all = String::new();
    for (name, change) in changes() {
        let lines = prove(&place, name, change).await;
        all.push_str(&format!("{name}\n  {}\n", lines.join("\n  ")));
    }
    insta::assert_snapshot!(all, @r#"
        rename_phone
          OnlyLeft("grant recipe_app SELECT on column public.users.phone")
          OnlyLeft("table public.users column phone")
          OnlyLeft("table public.users constraint users_phone_check")
          OnlyLeft("table public.users index users_phone_idx")
          OnlyRight("grant recipe_app SELECT on column public.users.mobile")
          OnlyRight("table public.users column mobile")
          OnlyRight("table public.users constraint users_mobile_check")
          OnlyRight("table public.users index users_mobile_idx")
        amount_to_cents
          OnlyLeft("table public.users column amount")
          OnlyRight("table public.users column amount_cents")
        split_name
          OnlyLeft("table public.users column full_name")
          OnlyRight("table public.users column family_name")
          OnlyRight("table public.users column given_name")
        note_not_null
          Changed { object: "table public.users column note", attribute: "not_null", left: "false", right: "true" }
        drop_avatar
          OnlyLeft("table public.users column avatar")
        split_faces
          OnlyLeft("table public.users column avatar")
          OnlyLeft("table public.users column bio")
          OnlyRight("table public.faces column avatar")
          OnlyRight("table public.faces column bio")
          OnlyRight("table public.faces column id")
          OnlyRight("table public.faces column tenant")
          OnlyRight("table public.faces constraint faces_pkey")
          OnlyRight("table public.faces constraint faces_tenant_id_fkey")
          OnlyRight("table public.faces index faces_pkey")
          OnlyRight("table public.faces")
        merge_profiles
          OnlyLeft("table public.profiles column age")
          OnlyLeft("table public.profiles column id")
          OnlyLeft("table public.profiles column motto")
          OnlyLeft("table public.profiles column tenant")
          OnlyLeft("table public.profiles constraint profiles_pkey")
          OnlyLeft("table public.profiles constraint profiles_tenant_id_fkey")
          OnlyLeft("table public.profiles index profiles_pkey")
          OnlyLeft("table public.profiles")
          OnlyRight("table public.users column age")
          OnlyRight("table public.users column motto")
        "#);
}

#[tokio::test]
async fn data_are_the_same_in_the_new_form() {
    let place = Place::start().await;
    ask(&place.database("roles").await, "CREATE ROLE recipe_app").await;
    for (name, change) in changes() {
        let database = place.database(name).await;
        ask(&database, &SHOP.replace("CREATE ROLE recipe_app;", "")).await;
        ask(&database, ROWS).await;
        let recipe = Recipe { name: name.to_owned(), table: "users".to_owned(), change };
        let written = write_recipe(&catalog(&database).await, &recipe).unwrap();
        let paths: Vec<(String, String)> = written
            .into_iter()
            .map(|file| (format!("migrations/002_{name}/{}", file.name), file.text))
            .collect();
        let paths: Vec<(&str, &str)> =
            paths.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let (form, same) = match name {
            "rename_phone" => ("phone", "mobile"),
            "amount_to_cents" => ("amount", "round(amount_cents / 100.0, 2)"),
            "split_name" => ("full_name", "concat_ws(' ', given_name, family_name)"),
            "note_not_null" => ("coalesce(note, '')", "note"),
            "drop_avatar" => ("bio", "bio"),
            "split_faces" => (
                "concat(bio, '/', avatar)",
                "(SELECT concat(bio, '/', avatar) FROM faces AS f WHERE (f.tenant, f.id) = (u.tenant, u.id))",
            ),
            _ => (
                "(SELECT concat(motto, age) FROM profiles AS p WHERE (p.tenant, p.id) = (u.tenant, u.id))",
                "nullif(concat(motto, age), '')",
            ),
        };
        let sum = |form: &str| {
            format!("SELECT md5(string_agg(({form})::text, ',' ORDER BY tenant, id)) FROM users AS u")
        };
        let before = ask(&database, &sum(form)).await;
        walk(&database, &migrations(&paths), Goal::Contract).await;
        assert_eq!(ask(&database, &sum(same)).await, before, "{name}");
        let promises = "SELECT string_agg(concat_ws(' ', column_name, is_nullable, column_default), ', ' ORDER BY column_name) \
                        FROM information_schema.columns WHERE column_name IN ('mobile', 'amount_cents', 'note', 'age')";
        match name {
            "rename_phone" => {
                assert_eq!(ask(&database, promises).await, "age NO, mobile NO 'none'::text, note YES")
            }
            "amount_to_cents" => assert_eq!(
                ask(&database, promises).await,
                "age NO, amount_cents NO (round(((0)::numeric(12,2) * (100)::numeric)))::bigint, note YES"
            ),
            "note_not_null" => assert_eq!(ask(&database, promises).await, "age NO, note NO"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn what_cannot_be_written_says_why() {
    let place = Place::start().await;
    let database = place.database("shop").await;
    ask(&database, SHOP).await;
    let catalog = catalog(&database).await;
    let refused = |table: &str, change: Change| {
        let recipe = Recipe { name: "x".to_owned(), table: table.to_owned(), change };
        write_recipe(&catalog, &recipe)
            .map(|files| files.len())
            .map_err(|error: RecipeError| error.to_string())
    };
    let rename = |column: &str, to: &str| Change::RenameColumn { column: text(column), to: text(to) };
    let said: Vec<String> = [
        refused("user", rename("phone", "mobile")),
        refused("users", rename("fax", "mobile")),
        refused("users", rename("phone", "bio")),
        refused("users", rename("id", "number")),
        refused("users", rename("email", "mail")),
        refused("users", Change::AddNotNull { column: text("avatar"), value: text("''") }),
        refused("users", Change::SplitTable { to: text("faces"), columns: vec![text("phone")] }),
        refused("profiles", Change::MergeTables { from: text("users") }),
    ]
    .into_iter()
    .map(|outcome| outcome.expect_err("a fault"))
    .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
        there is no table user
        users has no column fax
        the name bio is taken already
        id belongs to the primary key
        this rests on what changes: the view public.mails
        avatar is NOT NULL already
        phone has a default, so nobody can tell who wrote it
        the primary key of users is no foreign key to that of profiles
        "#);
}
