//! Folders of phases on real databases: walked through where nobody runs old code, stopped behind expand elsewhere,
//! resumed, verified and taken back.

use underpin_lab::migrator::{
    Applied, ApplyOptions, Goal, MigrateError, PhaseWish, Walked, migrate_phase, migrate_up,
};
use underpin_model::event::Silent;
use underpin_model::project::Migration;
use underpin_pg::{Address, Session};

use crate::migrating::{LEDGER, Place, ask, migrations};

const USERS: (&str, &str) = (
    "migrations/001_users.sql",
    "CREATE TABLE users (tenant int, id int, phone text, PRIMARY KEY (tenant, id));",
);
const EXPAND: (&str, &str) = (
    "migrations/002_rename_phone/expand.sql",
    "-- lock: users\nALTER TABLE users ADD mobile text;\n\
     CREATE FUNCTION both_phones() RETURNS trigger LANGUAGE plpgsql AS $$\n\
     BEGIN NEW.mobile := coalesce(NEW.mobile, NEW.phone); RETURN NEW; END $$;\n\
     CREATE TRIGGER both_phones BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION both_phones();",
);
const BACKFILL: (&str, &str) = (
    "migrations/002_rename_phone/backfill.sql",
    "-- batch: users by (tenant, id), 10\nUPDATE users SET mobile = phone\n\
     WHERE (tenant, id) > (:low) AND (tenant, id) <= (:high) AND mobile IS NULL;",
);
const VERIFY: (&str, &str) = (
    "migrations/002_rename_phone/verify.sql",
    "SELECT tenant, id FROM users WHERE mobile IS DISTINCT FROM phone ORDER BY 1, 2;",
);
const CONTRACT: (&str, &str) = (
    "migrations/002_rename_phone/contract.sql",
    "DROP TRIGGER both_phones ON users;\nDROP FUNCTION both_phones();\nALTER TABLE users DROP phone;",
);
const REVERT: (&str, &str) = (
    "migrations/002_rename_phone/revert.sql",
    "DROP TRIGGER both_phones ON users;\nDROP FUNCTION both_phones();\nALTER TABLE users DROP mobile;",
);
const LATER: (&str, &str) = ("migrations/003_later.sql", "CREATE INDEX users_mobile ON users (mobile);");

/// 25 rows: keys with gaps, in two tenants, so that ranges of ten end inside a tenant and across both.
const ROWS: &str = "INSERT INTO users SELECT n % 2, n * 3, 'p' || n FROM generate_series(1, 25) AS n";

const COLUMNS: &str = "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute \
                       WHERE attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped";

async fn up(address: &Address, migrations: &[Migration]) -> Result<Applied, MigrateError> {
    migrate_up(address, migrations, &ApplyOptions::default(), &Silent).await
}

fn wish(version: Option<&str>, goal: Goal) -> PhaseWish {
    PhaseWish { version: version.map(str::to_owned), goal, apply: ApplyOptions::default() }
}

async fn walk(address: &Address, migrations: &[Migration], goal: Goal) -> Result<Walked, MigrateError> {
    migrate_phase(address, migrations, &wish(None, goal), &Silent).await
}

async fn run(address: &Address, sql: &str) {
    let session = Session::connect(address).await.unwrap();
    session.execute(sql).await.unwrap();
    session.close().await;
}

#[tokio::test]
async fn a_fresh_database_is_walked_through_and_another_stops_behind_expand() {
    let place = Place::start().await;
    let whole = migrations(&[USERS, EXPAND, BACKFILL, VERIFY, CONTRACT, REVERT, LATER]);
    let fresh = place.database("fresh").await;
    let applied = up(&fresh, &whole).await.unwrap();
    let files: Vec<&str> = applied.files.iter().map(|(file, _)| file.as_str()).collect();
    assert_eq!(
        files,
        ["migrations/001_users.sql", "migrations/002_rename_phone", "migrations/003_later.sql"]
    );
    assert_eq!(ask(&fresh, LEDGER).await, "001 done, 002 done, 003 done");
    assert_eq!(ask(&fresh, COLUMNS).await, "tenant id mobile");

    let used = place.database("used").await;
    up(&used, &migrations(&[USERS])).await.unwrap();
    run(&used, ROWS).await;
    let stopped = up(&used, &whole).await.unwrap().waiting.unwrap();
    assert_eq!((stopped.version.as_str(), stopped.later), ("002", 1));
    assert_eq!(ask(&used, LEDGER).await, "001 done, 002 expanded");
    // A second run changes nothing: what follows is for people to say.
    assert_eq!(up(&used, &whole).await.unwrap().waiting, Some(stopped));
    assert_eq!(ask(&used, "SELECT count(*) FROM users WHERE mobile IS NULL").await, "25");

    let walked = walk(&used, &whole, Goal::Verify).await.unwrap();
    assert_eq!(walked.to.unwrap().to_string(), "verified");
    assert_eq!(ask(&used, "SELECT count(*) FROM users WHERE mobile = phone").await, "25");
    walk(&used, &whole, Goal::Contract).await.unwrap();
    assert_eq!(ask(&used, COLUMNS).await, "tenant id mobile");
    assert!(up(&used, &whole).await.unwrap().waiting.is_none());
    assert_eq!(ask(&used, LEDGER).await, "001 done, 002 done, 003 done");
}

#[tokio::test]
async fn what_is_not_verified_is_not_contracted_and_what_is_not_contracted_can_be_taken_back() {
    let place = Place::start().await;
    let used = place.database("used").await;
    up(&used, &migrations(&[USERS])).await.unwrap();
    run(&used, ROWS).await;
    let gap = (
        "migrations/002_rename_phone/backfill.sql",
        "-- batch: users by (tenant, id), 10\nUPDATE users SET mobile = phone\n\
         WHERE (tenant, id) > (:low) AND (tenant, id) <= (:high) AND id <> 6;",
    );
    let gappy = migrations(&[USERS, EXPAND, gap, VERIFY, CONTRACT, REVERT]);
    match walk(&used, &gappy, Goal::Contract).await {
        Err(MigrateError::NotVerified { file, line, count, shown }) => {
            assert_eq!((file.as_str(), line), ("migrations/002_rename_phone/verify.sql", 1));
            assert_eq!((count, shown), (1, vec!["0, 6".to_owned()]));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ask(&used, LEDGER).await, "001 done, 002 backfilled");
    walk(&used, &gappy, Goal::Revert).await.unwrap();
    assert_eq!(ask(&used, LEDGER).await, "001 done");
    assert_eq!(ask(&used, COLUMNS).await, "tenant id phone");
    // Taken back, the folder is as if never begun: corrected, it runs.
    let whole = migrations(&[USERS, EXPAND, BACKFILL, VERIFY, CONTRACT, REVERT]);
    walk(&used, &whole, Goal::Contract).await.unwrap();
    assert!(matches!(walk(&used, &whole, Goal::Revert).await, Err(MigrateError::NoFolder { .. })));
    let late = migrate_phase(&used, &whole, &wish(Some("2"), Goal::Revert), &Silent).await;
    assert!(matches!(late, Err(MigrateError::Contracted { .. })));
}

#[tokio::test]
async fn a_folder_waits_for_the_files_before_it() {
    let place = Place::start().await;
    let empty = place.database("empty").await;
    let whole = migrations(&[USERS, EXPAND, BACKFILL, VERIFY, CONTRACT]);
    let early = walk(&empty, &whole, Goal::Expand).await;
    assert!(matches!(early, Err(MigrateError::Earlier { before, .. }) if before == ["001"]));
    let file = migrate_phase(&empty, &whole, &wish(Some("001"), Goal::Expand), &Silent).await;
    assert!(matches!(file, Err(MigrateError::NotAFolder { .. })));
    up(&empty, &whole[..1]).await.unwrap();
    assert_eq!(walk(&empty, &whole, Goal::Expand).await.unwrap().to.unwrap().to_string(), "expanded");
    assert!(matches!(walk(&empty, &whole, Goal::Revert).await, Err(MigrateError::NoRevert { .. })));
}
