//! Races on a real server: what the gallery expects, that reduction loses nothing, and messages for bad scripts.

use camino::{Utf8Path, Utf8PathBuf};
use underpin_lab::project_folder::{BareScenario, bare_scenario, load_project};
use underpin_lab::race::{
    Arena, Bout, Class, Explored, Level, RaceError, RaceOptions, RaceVerdict, Ring, evidence, explore,
    from_folder, of_scenario, repairs, replay, without_locks,
};
use underpin_model::Evidence;
use underpin_pg::{Profile, Server, ServerSpec};
use underpin_report::markdown::scenario_page;

use crate::sample;

async fn start() -> (Server, Ring) {
    let server = Server::start(ServerSpec::new(sample::installation(), Profile::Fast, "race")).await.unwrap();
    let ring = Ring::prepare(server.address(), None).await.unwrap();
    (server, ring)
}

async fn explored(ring: &Ring, bout: &Bout, reduction: bool) -> Vec<Explored> {
    let database = ring.database(bout).await.unwrap();
    let arena = Arena::prepare(&database, bout).await.unwrap();
    let options = RaceOptions { reduction, ..RaceOptions::default() };
    let mut all = Vec::new();
    for level in &bout.levels {
        let one = explore(&arena, *level, &options).await;
        all.push(one.unwrap_or_else(|error| panic!("{} at {level}: {error:?}", bout.name)));
    }
    arena.close().await;
    ring.drop(&database).await.unwrap();
    all
}

fn gallery() -> Vec<Utf8PathBuf> {
    let root = Utf8Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/gallery"));
    let entries = root.read_dir_utf8().unwrap().map(|entry| entry.unwrap().into_path());
    let mut folders: Vec<Utf8PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    assert!(folders.len() >= 25, "{}", folders.len());
    folders
}

fn breaks(explored: &Explored) -> bool {
    assert!(explored.steady, "a schedule ends differently when it is repeated");
    matches!(explored.verdict(), RaceVerdict::Breaks | RaceVerdict::Differs)
}

/// Scenarios whose statements alone show the anomaly of their name, and its class. The others of the gallery are named
/// by what they mean, such as oversell.
const CLASSES: [(&str, &str); 4] = [
    ("lost-update", "lost update"),
    ("write-skew", "write skew"),
    ("check-then-insert", "phantom"),
    ("read-skew", "read skew"),
];

/// Every `nth` scenario of the gallery, so that the tests share the work.
async fn gallery_keeps_its_word(start_at: usize, step: usize) {
    let (server, ring) = start().await;
    let (mut wrong, mut first) = (Vec::new(), Vec::new());
    for folder in gallery().iter().skip(start_at).step_by(step) {
        let scenario: BareScenario = bare_scenario(folder).unwrap();
        let bout = from_folder(folder).unwrap();
        assert_eq!(bout.expect.len(), bout.levels.len(), "{folder} expects nothing of some level");
        let found = compared(&ring, &bout).await;
        rendered(folder, &bout, &found);
        for found in found {
            let level = found.level.name();
            let holds = bout.expect.iter().any(|(level, holds)| *level == found.level && *holds);
            let deadlock = scenario.deadlock.iter().any(|name| name == level);
            if breaks(&found) == holds || (found.outcomes.deadlock > 0) != deadlock {
                let name = folder.file_name().unwrap_or_default();
                wrong.push(format!("{name} at {level}: breaks {}, {:?}", breaks(&found), found.outcomes));
            }
            assert!(found.serial.is_none(), "{folder}: the invariant fails without concurrency");
            let needless = ["false-serialization-abort", "tenants-do-not-meet"];
            if found.level == Level::Serializable
                && needless.contains(&folder.file_name().unwrap_or_default())
            {
                assert!(found.needless > 0, "{folder}");
            }
            let robust = found.beyond.as_deref() == Some("");
            assert!(!robust || found.nonserializable == 0, "{folder} at {level} is called robust");
            first.extend(found.first_after);
            let named = CLASSES.iter().find(|(name, _)| folder.file_name() == Some(*name));
            if let Some((name, class)) = named.filter(|_| breaks(&found)) {
                assert_eq!(found.class.map(Class::name), Some(*class), "{name} at {level}");
            }
        }
    }
    server.stop().await.unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // An anomaly is found early: few switches come first.
    first.sort_unstable();
    assert!(first[first.len() / 2] <= 20, "{first:?}");
}

/// Compares what was found with the scenario's page; `UPDATE_DOCS=1` writes the page instead.
fn rendered(folder: &Utf8Path, bout: &Bout, found: &[Explored]) {
    let name = folder.file_name().unwrap_or_default();
    let found: Vec<Evidence> = found.iter().map(|one| evidence(bout, one, Vec::new())).collect();
    let text = scenario_page(&bout.name, bout.why.as_deref(), &format!("docs/gallery/{name}"), &found);
    let file = Utf8Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/gallery-runs"))
        .join(format!("{name}.md"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs_err::write(&file, &text).unwrap();
    }
    let known = fs_err::read_to_string(&file).unwrap();
    assert_eq!(known, text, "{file} is out of date: UPDATE_DOCS=1 cargo nextest run -E 'test(gallery)'");
}

/// Explores with reduction, and without wherever that is at most so many schedules; both must agree.
const COMPARED: f64 = 300.0;

async fn compared(ring: &Ring, bout: &Bout) -> Vec<Explored> {
    let reduced = explored(ring, bout, true).await;
    assert!(reduced.iter().all(|one| one.exhausted), "{}", bout.name);
    if reduced.iter().any(|one| one.possible > COMPARED) {
        return reduced;
    }
    for (some, all) in reduced.iter().zip(explored(ring, bout, false).await) {
        assert_eq!(some.behaviours, all.behaviours, "{} at {}", bout.name, some.level);
        assert_eq!(some.verdict(), all.verdict(), "{} at {}", bout.name, some.level);
        assert!(some.explored + some.pruned <= all.explored, "{} at {}", bout.name, some.level);
    }
    reduced
}

#[tokio::test]
async fn part_1_of_the_gallery_keeps_its_word() {
    gallery_keeps_its_word(0, 5).await;
}

#[tokio::test]
async fn part_2_of_the_gallery_keeps_its_word() {
    gallery_keeps_its_word(1, 5).await;
}

#[tokio::test]
async fn part_3_of_the_gallery_keeps_its_word() {
    gallery_keeps_its_word(2, 5).await;
}

#[tokio::test]
async fn part_4_of_the_gallery_keeps_its_word() {
    gallery_keeps_its_word(3, 5).await;
}

#[tokio::test]
async fn part_5_of_the_gallery_keeps_its_word() {
    gallery_keeps_its_word(4, 5).await;
}

/// What the gallery has not: pairs of statements that meet on a row, or do not, by one key alone.
const PAIRS: &[(&str, &str)] = &[
    // The new row waits for the row with its e-mail address, whose id is another.
    (
        "BEGIN; UPDATE u SET n = 1 WHERE id = 2; SELECT 1; ROLLBACK;",
        "BEGIN; INSERT INTO u (id, email) VALUES (1, 'two') ON CONFLICT DO NOTHING; COMMIT;",
    ),
    (
        "BEGIN; DELETE FROM u WHERE id = 2; COMMIT;",
        "BEGIN; INSERT INTO u (id, email) VALUES (1, 'two'); COMMIT;",
    ),
    // A foreign key asks for the row that the other changes, or deletes.
    (
        "BEGIN; UPDATE u SET n = n + 1 WHERE id = 2; COMMIT;",
        "BEGIN; SELECT 1; INSERT INTO c VALUES (1, 2); COMMIT;",
    ),
    ("BEGIN; DELETE FROM u WHERE id = 2; COMMIT;", "BEGIN; SELECT 1; INSERT INTO c VALUES (1, 2); COMMIT;"),
    ("BEGIN; SELECT FROM u WHERE id = 2 FOR UPDATE; COMMIT;", "BEGIN; INSERT INTO c VALUES (1, 2); COMMIT;"),
    // Two rows of one table.
    ("BEGIN; UPDATE u SET n = 1 WHERE id = 2; COMMIT;", "BEGIN; UPDATE u SET n = 2 WHERE id = 3; COMMIT;"),
    (
        "BEGIN; UPDATE u SET n = 1 WHERE id = 2; COMMIT;",
        "BEGIN; UPDATE u SET n = 2 WHERE email = 'two'; COMMIT;",
    ),
];

#[tokio::test]
async fn reduction_loses_no_behaviour_of_statements_that_meet_by_a_key() {
    let (server, ring) = start().await;
    let setup = "CREATE TABLE u (id bigint PRIMARY KEY, email text NOT NULL UNIQUE, n bigint NOT NULL DEFAULT 0); \
                 INSERT INTO u VALUES (2, 'two'), (3, 'three'); \
                 CREATE TABLE c (id bigint PRIMARY KEY, u_id bigint NOT NULL REFERENCES u (id))";
    for (first, second) in PAIRS {
        let mut bout = bout(first, second);
        bout.setup = setup.to_owned();
        bout.invariants.clear();
        bout.name = format!("{first} | {second}");
        compared(&ring, &bout).await;
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn repairs_are_run_and_those_that_do_not_work_are_told() {
    let (server, ring) = start().await;
    let folder = gallery().into_iter().find(|folder| folder.ends_with("lost-update")).unwrap();
    let bout = from_folder(&folder).unwrap();
    let broken = explored(&ring, &bout, true).await.remove(0);
    let tried = repairs(&ring, &bout, &broken, &RaceOptions::default()).await.unwrap();
    let told: Vec<String> =
        tried.iter().map(|one| format!("{} {} {}", one.level, one.holds, one.change)).collect();
    assert_eq!(
        told,
        [
            "read committed true compute the new value in the UPDATE itself",
            "read committed true lock the rows that are read: FOR NO KEY UPDATE",
            "read committed true take an advisory lock first: pg_advisory_xact_lock",
            "repeatable read true REPEATABLE READ, begun again after 40001 and 40P01",
            "serializable true SERIALIZABLE, begun again after 40001 and 40P01",
            // The read before the lock stays stale.
            "read committed false lock the row that the others refer to first: FOR UPDATE",
        ]
    );
    assert!(tried[1].waiting > 0 && tried[3].refused > 0, "{tried:?}");
    assert_eq!((tried[0].messages_under_lock, tried[2].messages_under_lock), (3, 5));
    assert!(tried.iter().all(|one| one.throughput.is_some() == one.holds), "{tried:?}");
    // Only one session can lock a row that is not there yet.
    let folder = gallery().into_iter().find(|folder| folder.ends_with("check-then-insert")).unwrap();
    let bout = from_folder(&folder).unwrap();
    let broken = explored(&ring, &bout, true).await.remove(0);
    let tried = repairs(&ring, &bout, &broken, &RaceOptions::default()).await.unwrap();
    let lock = tried.iter().find(|one| one.change.starts_with("lock the rows")).unwrap();
    assert!(!lock.holds && lock.fault.is_some(), "{lock:?}");
    assert!(tried.iter().any(|one| one.holds && one.level == "serializable"), "{tried:?}");
    server.stop().await.unwrap();
}

/// Scenario of the gallery, level, how the change begins, and whether it holds.
const REPAIRS: &[(&str, Level, &str, bool)] = &[
    ("check-then-insert", Level::ReadCommitted, "constraint: unique index on users", true),
    ("overlap-check-then-insert", Level::ReadCommitted, "constraint: exclusion constraint on bookings", true),
    ("oversell", Level::ReadCommitted, "constraint: CHECK on products", true),
    ("phantom-max-members", Level::ReadCommitted, "lock the row that the others refer to", true),
    ("phantom-max-members", Level::RepeatableRead, "lock the row that the others refer to", false),
    ("phantom-max-members", Level::RepeatableRead, "take an advisory lock before BEGIN", true),
];

#[tokio::test]
async fn repairs_fit_the_anomaly() {
    let (server, ring) = start().await;
    for (name, level, change, holds) in REPAIRS {
        let mut bout =
            from_folder(&gallery().into_iter().find(|folder| folder.ends_with(name)).unwrap()).unwrap();
        bout.levels = vec![*level];
        let broken = explored(&ring, &bout, true).await.remove(0);
        let tried = repairs(&ring, &bout, &broken, &RaceOptions::default()).await.unwrap();
        let one = tried.iter().find(|one| one.change.starts_with(change));
        assert_eq!(one.map(|one| one.holds), Some(*holds), "{name} at {level}: {tried:#?}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn every_victim_of_a_deadlock_can_be_explored() {
    let (server, ring) = start().await;
    let folder = gallery().into_iter().find(|folder| folder.ends_with("transfer-opposite-order")).unwrap();
    let bout = from_folder(&folder).unwrap();
    let database = ring.database(&bout).await.unwrap();
    let arena = Arena::prepare(&database, &bout).await.unwrap();
    let mut found = Vec::new();
    for every_victim in [false, true] {
        let options = RaceOptions { every_victim, ..RaceOptions::default() };
        found.push(explore(&arena, Level::ReadCommitted, &options).await.unwrap());
    }
    // Either transfer may be the one that is given up, whoever closes the circle.
    assert!(found[1].outcomes.deadlock > 2 * found[0].outcomes.deadlock, "{found:?}");
    assert_eq!((found[1].outcomes.error, found[1].verdict()), (0, RaceVerdict::Holds));
    assert!(found[0].behaviours.is_subset(&found[1].behaviours));
    arena.close().await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn beyond_the_limit_schedules_are_drawn_by_chance() {
    let (server, ring) = start().await;
    let script = "BEGIN; SELECT n FROM t WHERE id = 1\n\\gset\nSELECT 1; SELECT 2; \
                  UPDATE t SET n = :n::bigint + 1 WHERE id = 1; COMMIT;";
    let mut bout = bout(script, script);
    bout.invariants = vec![("twice".to_owned(), "SELECT 1 FROM t WHERE n <> 2".to_owned())];
    let database = ring.database(&bout).await.unwrap();
    let arena = Arena::prepare(&database, &bout).await.unwrap();
    // The first schedule in order is a serial one.
    let options = RaceOptions { limit: 1, ..RaceOptions::default() };
    let found = explore(&arena, Level::ReadCommitted, &options).await.unwrap();
    assert!(!found.exhausted && found.sampled == 100 && found.explored == 101, "{found:?}");
    assert_eq!(found.verdict(), RaceVerdict::Breaks);
    arena.close().await;
    server.stop().await.unwrap();
}

fn bout(first: &str, second: &str) -> Bout {
    let dir = tempfile::tempdir().unwrap();
    let folder = Utf8PathBuf::from(dir.path().to_str().unwrap());
    let setup = "CREATE TABLE t (id bigint PRIMARY KEY, n bigint); INSERT INTO t VALUES (1, 0)";
    for (name, text) in [("setup.sql", setup), ("t1.sql", first), ("t2.sql", second)] {
        fs_err::write(folder.join(name), text).unwrap();
    }
    fs_err::write(folder.join("invariant.sql"), "SELECT id FROM t WHERE n < 0").unwrap();
    from_folder(&folder).unwrap()
}

/// Returns what exploring the bout at READ COMMITTED ends with.
async fn refusal(ring: &Ring, bout: &Bout) -> String {
    let database = ring.database(bout).await.unwrap();
    let arena = Arena::prepare(&database, bout).await.unwrap();
    let error = explore(&arena, Level::ReadCommitted, &RaceOptions::default()).await.err();
    arena.close().await;
    error.map_or_else(|| "no error".to_owned(), |error| error.to_string())
}

const GOOD: &str = "BEGIN; UPDATE t SET n = n + 1 WHERE id = 1; COMMIT;";

#[tokio::test]
async fn bad_scripts_end_in_a_message_with_the_line() {
    let (server, ring) = start().await;
    let said = [
        refusal(&ring, &bout(GOOD, "BEGIN;\nCREATE TABLE u (n int);\nCOMMIT;")).await,
        refusal(&ring, &bout(GOOD, "SELECT 1;\nVACUUM t;")).await,
        refusal(&ring, &bout(GOOD, "\nSELECT pg_sleep(60);")).await,
        refusal(&ring, &bout(GOOD, "\n\nSELECT pg_terminate_backend(pg_backend_pid());")).await,
    ];
    assert_eq!(
        said.join("\n"),
        "t2.sql:2: a script of a race cannot change the schema; put that into the setup\n\
         t2.sql:2: the server refuses this statement inside a transaction\n\
         t2.sql:2: the statement did not answer within 10 s, and waits for no session of the scenario\n\
         t2.sql:3: the session was lost while this statement ran"
    );
    // A row that is gone when \gset asks for it ends the session, not the race.
    let gone = bout("BEGIN; DELETE FROM t WHERE id = 1; COMMIT;", "SELECT n FROM t WHERE id = 1\n\\gset\n");
    let found = explored(&ring, &gone, true).await;
    assert!(found.iter().all(|one| one.exhausted && one.outcomes.error > 0), "{found:?}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_schedule_is_replayed_and_an_impossible_one_refused() {
    let (server, ring) = start().await;
    let read = "BEGIN;\nSELECT n FROM t WHERE id = 1\n\\gset\nUPDATE t SET n = :n::bigint + 1 WHERE id = 1;\nCOMMIT;";
    let bout = bout(read, read);
    let database = ring.database(&bout).await.unwrap();
    let arena = Arena::prepare(&database, &bout).await.unwrap();
    for _ in 0..2 {
        let shown = replay(&arena, Level::ReadCommitted, &"121122".parse().unwrap()).await.unwrap();
        assert_eq!(shown.played.len(), 6);
        assert_eq!(shown.schedule.to_string(), "121122");
    }
    let impossible = replay(&arena, Level::ReadCommitted, &"12122".parse().unwrap()).await;
    assert!(
        matches!(&impossible, Err(RaceError::Impossible { done, session: 2, .. }) if done == "1212"),
        "{impossible:?}"
    );
    arena.close().await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn without_its_lock_a_sale_is_lost() {
    let (server, ring) = start().await;
    let folder = gallery().into_iter().find(|folder| folder.ends_with("lost-update-for-update")).unwrap();
    let bout = from_folder(&folder).unwrap();
    let found = explored(&ring, &without_locks(&bout).unwrap(), true).await;
    assert_eq!(found[0].verdict(), RaceVerdict::Breaks);
    assert_eq!(found[0].class, Some(Class::LostUpdate));
    let atomic = gallery().into_iter().find(|folder| folder.ends_with("lost-update-atomic")).unwrap();
    assert!(without_locks(&from_folder(&atomic).unwrap()).is_none());
    server.stop().await.unwrap();
}

/// So many schedules of a scenario of CodeLearn are run without reduction.
const UNREDUCED: u64 = 250;

#[tokio::test]
async fn reduction_loses_no_behaviour_of_codelearn() {
    let root = Utf8Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../systems/codelearn"));
    let project = load_project(root).unwrap();
    let server = Server::start(ServerSpec::new(sample::installation(), Profile::Fast, "race")).await.unwrap();
    let ring = Ring::prepare(server.address(), Some(&project)).await.unwrap();
    let mut compared = Vec::new();
    for scenario in &project.scenarios {
        let bout = of_scenario(&project, scenario);
        let database = ring.database(&bout).await.unwrap();
        let arena = Arena::prepare(&database, &bout).await.unwrap();
        let options = RaceOptions { reduction: false, limit: UNREDUCED, ..RaceOptions::default() };
        let all = explore(&arena, Level::ReadCommitted, &options).await.unwrap();
        let some = explore(&arena, Level::ReadCommitted, &RaceOptions::default()).await.unwrap();
        if all.exhausted {
            assert_eq!(some.behaviours, all.behaviours, "{}", bout.name);
            compared.push(bout.name.clone());
        } else {
            assert!(all.behaviours.is_subset(&some.behaviours), "{}", bout.name);
        }
        arena.close().await;
        ring.drop(&database).await.unwrap();
    }
    server.stop().await.unwrap();
    assert!(compared.len() >= 5, "{compared:?}");
}

/// CodeLearn with some texts replaced, and a scenario's setup on top.
async fn weakened(scenario: &str, replacements: &[(&str, &str, &str)], setup: &str) -> Explored {
    let dir = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(dir.path()).unwrap();
    copy_folder(Utf8Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../systems/codelearn")), root);
    for (file, from, to) in replacements {
        let text = fs_err::read_to_string(root.join(file)).unwrap();
        assert!(text.contains(from), "{file} does not contain {from}");
        fs_err::write(root.join(file), text.replace(from, to)).unwrap();
    }
    let project = load_project(root).unwrap();
    let found = project.scenarios.iter().find(|one| one.file.file_stem() == Some(scenario)).unwrap();
    let mut bout = of_scenario(&project, found);
    bout.setup.push_str(setup);
    bout.levels = vec![Level::ReadCommitted];
    let server = Server::start(ServerSpec::new(sample::installation(), Profile::Fast, "race")).await.unwrap();
    let ring = Ring::prepare(server.address(), Some(&project)).await.unwrap();
    let found = explored(&ring, &bout, true).await.remove(0);
    server.stop().await.unwrap();
    found
}

fn copy_folder(from: &Utf8Path, to: &Utf8Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in from.read_dir_utf8().unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true if entry.file_name() == ".underpin" => {}
            true => copy_folder(entry.path(), &target),
            false => drop(fs_err::copy(entry.path(), target).unwrap()),
        }
    }
}

fn violates(found: &Explored, invariant: &str) {
    assert!(found.exhausted && found.serial.is_none(), "{found:?}");
    let minimal = found.minimal.as_ref().unwrap_or_else(|| panic!("nothing is broken: {:?}", found.outcomes));
    assert!(minimal.violated.iter().any(|name| name == invariant), "{:?}", minimal.violated);
}

const LOCK: &str = "FOR NO KEY UPDATE";

#[tokio::test]
async fn the_last_seat_without_lock_and_check_is_sold_twice() {
    let unlocked = ("transactions/enroll.sql", LOCK, "");
    let setup = "ALTER TABLE courses DROP CONSTRAINT ck_courses_seats_taken;";
    violates(&weakened("last_seat", &[unlocked], setup).await, "seats_never_oversold");
}

#[tokio::test]
async fn the_coupon_without_lock_and_check_is_used_too_often() {
    let unlocked = ("transactions/purchase_with_coupon.sql", LOCK, "");
    let setup = "ALTER TABLE coupons DROP CONSTRAINT ck_coupons_redemption_count;";
    violates(&weakened("coupon_last_use", &[unlocked], setup).await, "coupons_within_limits");
}

#[tokio::test]
async fn a_double_click_without_lock_and_key_enrolls_twice() {
    let replacements = [
        ("transactions/enroll.sql", LOCK, ""),
        (
            "transactions/enroll.sql",
            "ON CONFLICT (user_id, course_id) DO UPDATE SET status = EXCLUDED.status, cancelled_at = NULL\n        WHERE e.status = 'cancelled'\n",
            "        AND NOT EXISTS (SELECT FROM enrollments AS o WHERE o.user_id = :user_id AND o.course_id = :course_id)\n",
        ),
    ];
    let setup = "ALTER TABLE enrollments DROP CONSTRAINT uq_enrollments_user_id_course_id CASCADE;";
    violates(&weakened("double_enrollment", &replacements, setup).await, "invariant 3");
}

#[tokio::test]
async fn a_refund_without_locks_meets_the_certificate() {
    let replacements =
        [("transactions/refund.sql", LOCK, ""), ("transactions/complete_lesson.sql", LOCK, "")];
    let setup = "DROP TRIGGER trg_certificates_completed ON certificates;";
    let found = weakened("refund_against_completion", &replacements, setup).await;
    violates(&found, "certificates_for_completed");
}

#[tokio::test]
async fn a_scenario_in_which_nobody_commits_proves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(folder.path()).unwrap();
    let write = |name: &str, text: &str| fs_err::write(path.join(name), text).unwrap();
    write(
        "setup.sql",
        "CREATE TABLE seats (id int PRIMARY KEY, left_over int NOT NULL); INSERT INTO seats VALUES (1, 1);",
    );
    for name in ["t1.sql", "t2.sql"] {
        write(name, "BEGIN;\nUPDATE seats SET left_over = 'many' || id WHERE id = 1;\nCOMMIT;\n");
    }
    write("invariant.sql", "SELECT id FROM seats WHERE left_over < 0");
    let (server, ring) = start().await;
    let bout = from_folder(path).unwrap();
    for explored in explored(&ring, &bout, true).await {
        assert!(!explored.someone_commits && explored.exhausted, "{}", explored.level);
        assert_eq!(explored.verdict(), RaceVerdict::Unknown, "{}", explored.level);
    }
    server.stop().await.unwrap();
}
