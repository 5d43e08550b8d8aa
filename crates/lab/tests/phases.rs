//! Folders of phases on real databases: walked through where nobody runs old code, stopped behind expand elsewhere,
//! resumed, verified and taken back.

use std::sync::Mutex;
use std::time::Duration;

use underpin_lab::migrator::{
    Applied, ApplyOptions, ContractGuard, Goal, MigrateError, PhaseWish, ThrottleLimits, Walked,
    migrate_phase, migrate_up,
};
use underpin_model::event::Silent;
use underpin_model::project::Migration;
use underpin_model::{Event, EventSink};
use underpin_pg::{Address, Profile, Server, ServerSpec, Session};

use crate::migrating::{LEDGER, Place, ask, migrations};
use crate::sample;

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
    let guard = ContractGuard { watch: Duration::from_secs(1), ..ContractGuard::default() };
    PhaseWish { version: version.map(str::to_owned), goal, apply: ApplyOptions::default(), guard }
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

/// Keeps what a run says.
#[derive(Default)]
struct Remarks(Mutex<Vec<String>>);

impl EventSink for Remarks {
    fn emit(&self, event: Event) {
        if let Event::Remark { text } = event {
            self.0.lock().unwrap().push(text);
        }
    }
}

const SLOW_BACKFILL: (&str, &str) = (
    "migrations/002_rename_phone/backfill.sql",
    "-- batch: users by (tenant, id), 160\nUPDATE users SET mobile = phone\n\
     WHERE (tenant, id) > (:low) AND (tenant, id) <= (:high) AND pg_sleep(0.002) IS NOT NULL;",
);

#[tokio::test]
async fn ranges_become_smaller_while_somebody_waits_for_their_rows() {
    let place = Place::start().await;
    let used = place.database("used").await;
    up(&used, &migrations(&[USERS])).await.unwrap();
    run(&used, "INSERT INTO users SELECT 1, n, 'p' || n FROM generate_series(1, 800) AS n").await;
    let whole = migrations(&[USERS, EXPAND, SLOW_BACKFILL, VERIFY, CONTRACT]);
    walk(&used, &whole, Goal::Expand).await.unwrap();
    let application = async {
        let session = Session::connect(&used).await.unwrap();
        while ask(&used, LEDGER).await != "001 done, 002 backfilled" {
            // Any row of the range that is on its way: those behind the cursor wait.
            session.execute("UPDATE users SET phone = phone WHERE id % 10 = 0").await.unwrap();
        }
        session.close().await;
    };
    let (walked, ()) = tokio::join!(walk(&used, &whole, Goal::Backfill), application);
    walked.unwrap();
    let ranges = "SELECT string_agg(count::text, ' ' ORDER BY first) FROM \
                  (SELECT count(*), min(id) AS first FROM users WHERE id % 10 <> 0 GROUP BY xmin::text) AS range";
    let sizes: Vec<u32> = ask(&used, ranges).await.split(' ').map(|size| size.parse().unwrap()).collect();
    assert!(sizes[0] > 100 && sizes[1..].iter().any(|size| *size <= 40), "{sizes:?}");
}

#[tokio::test]
async fn a_backfill_pauses_for_vacuum_and_says_so_once() {
    let place = Place::start().await;
    let used = place.database("used").await;
    up(&used, &migrations(&[USERS])).await.unwrap();
    run(&used, ROWS).await;
    run(&used, "ALTER TABLE users SET (autovacuum_enabled = off); UPDATE users SET phone = phone").await;
    while ask(&used, "SELECT n_dead_tup FROM pg_stat_all_tables WHERE relname = 'users'").await == "0" {}
    let whole = migrations(&[USERS, EXPAND, BACKFILL, VERIFY, CONTRACT]);
    let mut wish = wish(None, Goal::Backfill);
    wish.apply.throttle = ThrottleLimits {
        dead_share: 0.1,
        dead_rows: 1,
        longest_pause: Duration::from_millis(100),
        ..ThrottleLimits::default()
    };
    let remarks = Remarks::default();
    migrate_phase(&used, &whole, &wish, &remarks).await.unwrap();
    let remarks = remarks.0.into_inner().unwrap();
    let file = "migrations/002_rename_phone/backfill.sql";
    let starting =
        |text: &str| remarks.iter().filter(|remark| remark.starts_with(&format!("{file}: {text}"))).count();
    assert_eq!(starting("pausing while users has "), 1, "{remarks:?}");
    assert!(starting("going on although users has ") >= 1, "{remarks:?}");
}

#[tokio::test]
async fn a_key_with_nulls_is_refused_and_one_without_index_is_remarked() {
    let place = Place::start().await;
    let used = place.database("used").await;
    let loose = ("migrations/001_users.sql", "CREATE TABLE users (tenant int, id int, phone text);");
    up(&used, &migrations(&[loose])).await.unwrap();
    run(&used, "INSERT INTO users VALUES (1, 1, 'p'), (NULL, 2, 'p')").await;
    let whole = migrations(&[loose, EXPAND, BACKFILL, VERIFY, CONTRACT]);
    let refused = walk(&used, &whole, Goal::Backfill).await;
    assert!(matches!(refused, Err(MigrateError::KeyIsNull { line: 2, .. })), "{refused:?}");
    run(&used, "DELETE FROM users WHERE tenant IS NULL").await;
    let remarks = Remarks::default();
    migrate_phase(&used, &whole, &wish(None, Goal::Backfill), &remarks).await.unwrap();
    let remarks = remarks.0.into_inner().unwrap();
    assert!(remarks[0].contains("no index of users begins with (tenant, id)"), "{remarks:?}");
}

#[tokio::test]
async fn contract_waits_while_old_readers_are_seen() {
    let spec = ServerSpec::new(sample::installation(), Profile::Fast, "test");
    let spec = spec.setting("shared_preload_libraries", "pg_stat_statements");
    let server = Server::start(spec).await.unwrap();
    let used = server.address();
    run(&used, "CREATE EXTENSION pg_stat_statements").await;
    up(&used, &migrations(&[USERS])).await.unwrap();
    run(&used, ROWS).await;
    let whole = migrations(&[USERS, EXPAND, BACKFILL, VERIFY, CONTRACT]);
    walk(&used, &whole, Goal::Verify).await.unwrap();

    // A session that says what it is.
    let old = Session::connect(&used.application_name("shop-1.4")).await.unwrap();
    let mut named = wish(None, Goal::Contract);
    named.guard.old_applications = vec!["shop-1.4".to_owned()];
    match migrate_phase(&used, &whole, &named, &Silent).await {
        Err(MigrateError::OldReaders { seen, .. }) => assert!(seen[0].contains("(shop-1.4)"), "{seen:?}"),
        other => panic!("{other:?}"),
    }

    // Statements that name the column, found by their calls; the same ones of earlier days do not count.
    let reading = async {
        let done = || async { ask(&used, LEDGER).await.contains("002 done") };
        for _ in 0..40 {
            let _ = old.execute("SELECT phone FROM users WHERE id = 3").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert!(!done().await);
        }
    };
    let (refused, ()) = tokio::join!(walk(&used, &whole, Goal::Contract), reading);
    match refused {
        Err(MigrateError::OldReaders { seen, .. }) => {
            assert!(seen[0].contains("SELECT phone FROM users WHERE id = $1"), "{seen:?}");
        }
        other => panic!("{other:?}"),
    }
    let new = async {
        for _ in 0..10 {
            old.execute("SELECT mobile FROM users WHERE id = 3").await.unwrap();
        }
    };
    let (walked, ()) = tokio::join!(walk(&used, &whole, Goal::Contract), new);
    assert_eq!(walked.unwrap().to.unwrap().to_string(), "done");
}

#[tokio::test]
async fn force_goes_on_and_says_over_what() {
    let place = Place::start().await;
    let used = place.database("used").await;
    up(&used, &migrations(&[USERS])).await.unwrap();
    run(&used, ROWS).await;
    let old = Session::connect(&used.application_name("shop-1.4")).await.unwrap();
    let nothing = (
        BACKFILL.0,
        "-- batch: users by (tenant, id), 10\nUPDATE users SET mobile = phone\n\
         WHERE (tenant, id) > (:low) AND (tenant, id) <= (:high) AND false;",
    );
    let whole = migrations(&[USERS, EXPAND, nothing, VERIFY, CONTRACT]);
    let mut forced = wish(None, Goal::Contract);
    forced.guard.old_applications = vec!["shop-1.4".to_owned()];
    forced.guard.force = true;
    let remarks = Remarks::default();
    migrate_phase(&used, &whole, &forced, &remarks).await.unwrap();
    let remarks = remarks.0.into_inner().unwrap();
    assert!(
        remarks[0].contains(
            "forced although migrations/002_rename_phone/verify.sql:1: the verification returned 25 rows"
        ),
        "{remarks:?}"
    );
    assert!(remarks[1].contains("forced although process"), "{remarks:?}");
    old.close().await;
}
