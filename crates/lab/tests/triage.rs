//! `triage`: each fault, planted on a real server, is named first and in the right mode; the printed query and fix run;
//! after the recovery there is silence. Healthy, busy and near-miss databases give none at all.

use std::cell::RefCell;

use underpin_lab::triage::look;
use underpin_model::{Triage, TriageFinding};
use underpin_pg::{
    Address, DataSource, OwnedFolder, Profile, RunAs, Server, ServerSpec, Session, ToolCall, run_tool,
};

use crate::sample;
use crate::triage_runbook::{Seen, compare_with_page, planted};

/// A database of a server that treats its data as production does.
struct Place {
    server: Server,
    session: Session,
    record: RefCell<Record>,
}

/// What was seen so far, for the runbook.
#[derive(Default)]
struct Record {
    /// Statements since triage was last silent.
    ran: Vec<String>,
    seen: Vec<Seen>,
}

const SETTINGS: &[(&str, &str)] = &[
    ("max_prepared_transactions", "5"),
    ("autovacuum_naptime", "1h"),
    ("max_connections", "40"),
    ("wal_level", "logical"),
];

async fn place_with(settings: &[(&str, &str)]) -> Place {
    let mut spec = ServerSpec::new(sample::installation(), Profile::Durable, "triage");
    for (name, value) in SETTINGS.iter().chain(settings) {
        spec = spec.setting(*name, *value);
    }
    place_of(Server::start(spec).await.unwrap()).await
}

async fn place_of(server: Server) -> Place {
    let session = Session::connect(&server.address()).await.unwrap();
    // What every later fault needs: orders of customers, in good health.
    session
        .execute(
            "CREATE TABLE customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE);
             CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id int NOT NULL REFERENCES customers,
                 status text NOT NULL, total int NOT NULL);
             CREATE INDEX ON orders (customer_id);
             INSERT INTO customers (email) SELECT 'c' || n || '@example.org' FROM generate_series(1, 2000) n;
             INSERT INTO orders (customer_id, status, total) SELECT n % 2000 + 1, 's' || n % 7, n FROM generate_series(1, 20000) n",
        )
        .await
        .unwrap();
    session.execute("VACUUM ANALYZE").await.unwrap();
    Place { server, session, record: RefCell::default() }
}

async fn place() -> Place {
    place_with(&[]).await
}

impl Place {
    fn address(&self) -> Address {
        self.server.address()
    }

    async fn connect(&self, application: &str) -> Session {
        Session::connect(&self.address().application_name(application)).await.unwrap()
    }

    async fn run(&self, statements: &str) {
        for statement in statements.split(";;").filter(|one| !one.trim().is_empty()) {
            self.session.execute(statement).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
            self.record.borrow_mut().note(statement);
            // The counters would otherwise follow up to ten seconds later; 14 has no such function and reports at once.
            let _ = self.session.execute("SELECT pg_stat_force_next_flush()").await;
        }
    }

    async fn look(&self) -> Triage {
        look(&self.address()).await.unwrap()
    }

    /// Asserts what the matrix says of the fault, and runs the leading finding's query.
    async fn leads(&self, name: &str) -> TriageFinding {
        let (fault, triage) = (planted(name), self.look().await);
        fault.assert_alone(&triage);
        let first = triage.findings[0].clone();
        let ran = self.session.rows(&first.first_query).await;
        let answer = ran.unwrap_or_else(|error| panic!("{}: {error:?}", first.first_query));
        let mut record = self.record.borrow_mut();
        let planted = std::mem::take(&mut record.ran);
        record.seen.push(Seen { fault, planted, triage, answer, recovery: Vec::new(), silent: false });
        first
    }

    /// As [`Place::leads`], then runs the printed fix and asserts silence.
    async fn mended_by_its_fix(&self, name: &str) {
        let finding = self.leads(name).await;
        let ran = self.session.rows(&finding.first_fix).await;
        assert!(ran.is_ok(), "{}: {ran:?}", finding.first_fix);
        self.record.borrow_mut().note(&finding.first_fix);
        self.silent(name).await;
    }

    async fn silent(&self, after: &str) {
        let triage = self.look().await;
        assert!(triage.findings.is_empty() && triage.unseen.is_empty(), "{after}: {triage:#?}");
        let mut record = self.record.borrow_mut();
        record.ran.clear();
        if let Some(last) = record.seen.last_mut() {
            last.silent = true;
        }
    }

    async fn end(self) {
        self.session.close().await;
        self.server.stop().await.unwrap();
        compare_with_page(&self.record.borrow().seen);
    }
}

impl Record {
    fn note(&mut self, statement: &str) {
        match self.seen.last_mut().filter(|last| !last.silent) {
            Some(last) => last.recovery.push(statement.to_owned()),
            None => self.ran.push(statement.to_owned()),
        }
    }
}

#[tokio::test]
async fn a_healthy_database_gets_no_finding() {
    let place = place().await;
    place.silent("healthy").await;
    // Information is no finding: a key half used, a log without a key, a skewed column that is no tenant.
    place
        .run(
            "SELECT setval('customers_id_seq', 1200000000);;
             CREATE TABLE visits (at timestamptz, page text);;
             INSERT INTO visits SELECT now(), 'p' FROM generate_series(1, 3000);; ANALYZE visits;;
             UPDATE orders SET total = total + 1 WHERE id % 10 = 0;;
             CREATE TABLE scratch (x int);; ANALYZE scratch;;",
        )
        .await;
    let reader = place.connect("web").await;
    reader.execute("BEGIN; SELECT count(*) FROM orders").await.unwrap();
    place.silent("near misses").await;
    drop(reader);
    place.end().await;
}

#[tokio::test]
async fn a_busy_database_gets_no_finding() {
    let place = place().await;
    let mut workers = Vec::new();
    for number in 0..12 {
        let session = place.connect("web").await;
        workers.push(tokio::spawn(async move {
            for round in 0..4000 {
                let id = (round * 12 + number) % 2000 + 1;
                let sql = format!(
                    "BEGIN; UPDATE orders SET total = total + 1 WHERE id = {id}; SELECT * FROM orders WHERE customer_id = {id}; \
                     UPDATE customers SET email = email WHERE id = {}; COMMIT",
                    round % 3 + 1
                );
                if session.execute(&sql).await.is_err() {
                    break;
                }
            }
        }));
    }
    for _ in 0..3 {
        place.silent("busy").await;
    }
    workers.iter().for_each(tokio::task::JoinHandle::abort);
    place.end().await;
}

#[tokio::test]
async fn schema_faults_are_named() {
    let place = place().await;
    place.run("SELECT setval('customers_id_seq', 2000000000)").await;
    place.mended_by_its_fix("a key is near its last number").await;

    place
        .run(
            "CREATE TABLE people (id int PRIMARY KEY, username text NOT NULL);;
             INSERT INTO people SELECT n, 'u' || n % 1900 FROM generate_series(1, 2000) n;; ANALYZE people",
        )
        .await;
    let finding = place.leads("names occur twice").await;
    place.run(&finding.first_fix).await;
    place
        .run(
            "DELETE FROM people a USING people b WHERE a.username = b.username AND a.id > b.id;;
             ALTER TABLE people ADD UNIQUE (username);; VACUUM ANALYZE people",
        )
        .await;
    place.silent("duplicates are gone").await;

    place.run("ALTER TABLE orders ADD CONSTRAINT positive CHECK (total >= 0) NOT VALID").await;
    place.mended_by_its_fix("a CHECK is NOT VALID").await;

    place
        .run("CREATE TABLE notes (id int, body text);; INSERT INTO notes SELECT n, 'x' FROM generate_series(1, 50) n;; ANALYZE notes")
        .await;
    place.mended_by_its_fix("a table has an id and no key").await;

    place.run("CREATE UNLOGGED TABLE carts (id int PRIMARY KEY, customer_id int REFERENCES customers)").await;
    place.mended_by_its_fix("an UNLOGGED table refers to another").await;
    place.end().await;
}

#[tokio::test]
async fn index_faults_are_named() {
    let place = place().await;
    place.run("DROP INDEX orders_customer_id_idx").await;
    place.mended_by_its_fix("a foreign key lost its index").await;

    let scanner = place.connect("reports").await;
    let load = tokio::spawn(async move {
        loop {
            let ran = scanner.execute("SELECT count(*) FROM orders WHERE status = 's3'").await;
            if ran.is_err() {
                break;
            }
        }
    });
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    let finding = place.leads("a report filters by a column without index").await;
    place.run(&finding.first_fix).await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    place.silent("the index serves the query").await;
    load.abort();

    place.run("INSERT INTO orders (customer_id, status, total) VALUES (1, 's', 7)").await;
    let failed = place.session.execute("CREATE UNIQUE INDEX CONCURRENTLY once ON orders (total)").await;
    assert!(failed.is_err());
    let finding = place.leads("a concurrent build failed").await;
    // What made it fail is mended first; then the printed fix makes it whole.
    place.run("DELETE FROM orders WHERE status = 's'").await;
    place.run(&finding.first_fix).await;
    place.silent("the index is whole").await;

    place.run("CREATE INDEX twin ON orders (customer_id)").await;
    place.mended_by_its_fix("an index is there twice").await;

    place.run("CREATE INDEX idle ON orders ((total * 2));; UPDATE orders SET total = total + 100000 WHERE id <= 2000;; ANALYZE orders").await;
    place
        .run("DO $$ BEGIN FOR n IN 1..1500 LOOP PERFORM FROM orders WHERE id = n; PERFORM FROM orders WHERE customer_id = n; END LOOP; END $$")
        .await;
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    place.run("VACUUM ANALYZE orders").await;
    place.mended_by_its_fix("nobody uses an index").await;
    place.end().await;
}

#[tokio::test]
async fn statistics_faults_are_named() {
    let place = place().await;
    place
        .run(
            "ALTER TABLE orders SET (autovacuum_enabled = false);;
             INSERT INTO orders (customer_id, status, total) SELECT 1, 'new', n FROM generate_series(1, 15000) n",
        )
        .await;
    place.mended_by_its_fix("a table grew and was not analysed").await;

    place
        .run("CREATE TABLE fresh (id int PRIMARY KEY);; INSERT INTO fresh SELECT generate_series(1, 5000)")
        .await;
    place.mended_by_its_fix("a new table was never analysed").await;

    place
        .run(
            "CREATE TABLE events (id int, at date) PARTITION BY RANGE (at);;
             CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');;
             CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');;
             ALTER TABLE events ADD PRIMARY KEY (id, at);;
             INSERT INTO events SELECT n, '2026-01-15' FROM generate_series(1, 2000) n;; ANALYZE events_1;; ANALYZE events_2",
        )
        .await;
    place.mended_by_its_fix("only the partitions were analysed").await;

    // As pg_upgrade leaves it.
    place.run("DROP TABLE events;; DELETE FROM pg_statistic;; SELECT pg_stat_reset()").await;
    let unanalysed = place.look().await;
    assert!(unanalysed.findings.is_empty() || unanalysed.findings[0].code == "UP623", "{unanalysed:#?}");
    place.leads("an upgrade left no statistics").await;
    place.run("ANALYZE").await;
    place.silent("analysed").await;
    place.end().await;
}

#[tokio::test]
async fn bloat_is_named_with_who_holds_it() {
    let place = place().await;
    let churn = "UPDATE orders SET total = total + 1";
    let holder = place.connect("nightly report").await;
    holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM orders").await.unwrap();
    place.run(churn).await;
    place.run("VACUUM orders").await;
    let finding = place.leads("a report holds its snapshot").await;
    place.run(&finding.first_fix).await;
    place.run("VACUUM ANALYZE orders").await;
    place.silent("the report is ended").await;

    place.run("SELECT pg_create_logical_replication_slot('left_behind', 'pgoutput')").await;
    // A catalog horizon holds no rows of users' tables.
    place
        .run("BEGIN;; CREATE TABLE two_phase (id int PRIMARY KEY);; PREPARE TRANSACTION 'transfer 17'")
        .await;
    place.run(churn).await;
    place.run("VACUUM ANALYZE orders").await;
    let finding = place.leads("a prepared transaction was forgotten").await;
    place.run(&finding.first_fix).await;
    place.run("SELECT pg_drop_replication_slot('left_behind');; VACUUM ANALYZE orders").await;
    place.silent("the prepared transaction is gone").await;

    place.run("ALTER TABLE orders SET (autovacuum_enabled = false)").await;
    place.run(churn).await;
    place.run("ANALYZE orders").await;
    let finding = place.leads("autovacuum is off for a table").await;
    place.run(&finding.first_fix).await;
    place.run("VACUUM ANALYZE orders").await;
    place.silent("vacuumed").await;

    place.run("ALTER TABLE orders SET (autovacuum_vacuum_scale_factor = 10)").await;
    place.run(churn).await;
    place.run("ANALYZE orders").await;
    let finding = place.leads("a threshold is out of reach").await;
    place.run(&finding.first_fix).await;
    place.run("VACUUM ANALYZE orders").await;
    place.silent("within reach").await;
    place.end().await;
}

#[tokio::test]
async fn a_server_without_autovacuum_and_one_near_wraparound_are_named() {
    let place = place_with(&[("autovacuum", "off"), ("autovacuum_freeze_max_age", "100000")]).await;
    place.run("UPDATE orders SET total = total + 1;; ANALYZE orders").await;
    place.mended_by_its_fix("autovacuum is off for the server").await;
    let holder = place.connect("forgotten").await;
    holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM orders LIMIT 1").await.unwrap();
    place
        .run(
            // A transaction id each, given up again: what they leave is dead for everybody.
            "CREATE TABLE burn (x int);;
             DO $$ BEGIN FOR n IN 1..135000 LOOP BEGIN INSERT INTO burn VALUES (1); RAISE division_by_zero; EXCEPTION WHEN
             division_by_zero THEN NULL; END; END LOOP; END $$;; DROP TABLE burn",
        )
        .await;
    let finding = place.leads("a forgotten transaction keeps ids from being frozen").await;
    place.run(&finding.first_fix).await;
    place.run("VACUUM (FREEZE, ANALYZE)").await;
    // The other databases hold back nothing here, as their own rows are theirs.
    place.silent("frozen").await;
    place.end().await;
}

#[tokio::test]
async fn pooling_faults_are_named() {
    let place = place().await;
    let mut leaked = Vec::new();
    for _ in 0..4 {
        let session = place.connect("checkout").await;
        session.execute("BEGIN; SELECT 1").await.unwrap();
        leaked.push(session);
    }
    place.mended_by_its_fix("transactions are left open").await;

    // A row that others wait for.
    let (idle, waiting) = (place.connect("cart").await, place.connect("web").await);
    idle.execute("BEGIN; UPDATE orders SET total = 0 WHERE id = 1").await.unwrap();
    let task =
        tokio::spawn(
            async move { waiting.execute("UPDATE orders SET total = 1 WHERE id = 1").await.is_ok() },
        );
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let finding = place.leads("an idle transaction holds a row that others want").await;
    assert!(finding.objects.contains(&"public.orders".to_owned()), "{:?}", finding.objects);
    place.run(&finding.first_fix).await;
    assert!(task.await.unwrap());
    place.silent("the row is free").await;

    // Every connection taken, the reserved one left: for the superuser.
    place.run("CREATE ROLE app LOGIN").await;
    let mut all = Vec::new();
    while let Ok(session) = Session::connect(&place.address().user("app").application_name("workers")).await {
        all.push(session);
    }
    let finding = place.leads("every connection is taken").await;
    assert_eq!(finding.severity, underpin_model::Severity::Error, "{}", finding.message);
    let refused = look(&place.address().user("app")).await.unwrap();
    assert_eq!((refused.findings[0].code.as_str(), refused.unseen.len()), ("UP640", 1));
    place.run(&finding.first_fix).await;
    drop(all);
    place.silent("connections are free").await;

    let address = place.address().application_name("lambda");
    let churning = tokio::spawn(async move {
        while let Ok(session) = Session::connect(&address).await {
            session.close().await;
        }
    });
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    place.leads("every request opens a connection").await;
    churning.abort();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    place.silent("nobody connects").await;
    place.end().await;
}

#[tokio::test]
async fn migration_faults_are_named() {
    let place = place().await;
    let (reader, ddl) = (place.connect("analytics").await, place.connect("deploy").await);
    reader.execute("BEGIN; SELECT count(*) FROM orders").await.unwrap();
    let altering =
        tokio::spawn(async move { ddl.execute("ALTER TABLE orders ADD COLUMN note text").await.is_ok() });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let mut behind = Vec::new();
    for _ in 0..5 {
        let session = place.connect("web").await;
        behind
            .push(tokio::spawn(async move { session.execute("SELECT count(*) FROM orders").await.is_ok() }));
    }
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let finding = place.leads("an ALTER TABLE waits for a reader, and all others wait for it").await;
    for name in ["public.orders", "deploy", "web"] {
        assert!(finding.objects.iter().any(|known| known == name), "{name} in {:?}", finding.objects);
    }
    assert!(finding.message.starts_with("A queue of 6 sessions waits for session "), "{}", finding.message);
    place.run(&finding.first_fix).await;
    assert!(altering.await.unwrap());
    place.silent("the queue is gone").await;

    let (holder, builder) = (place.connect("import").await, place.connect("deploy").await);
    holder.execute("BEGIN; UPDATE orders SET total = 5 WHERE id = 5").await.unwrap();
    let build = tokio::spawn(async move {
        builder.execute("CREATE INDEX CONCURRENTLY built ON orders (total)").await.is_ok()
    });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let finding = place.leads("a concurrent build waits for a transaction").await;
    place.run(&finding.first_fix).await;
    assert!(build.await.unwrap());
    place.silent("the index is built").await;

    place
        .run("CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);; INSERT INTO schema_migrations VALUES (7, true)")
        .await;
    place.mended_by_its_fix("a migration stayed half done").await;
    place.end().await;
}

#[tokio::test]
async fn sharding_faults_are_named() {
    let place = place().await;
    place
        .run(
            "CREATE TABLE events (id bigint, at date NOT NULL, kind text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);;
             CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');;
             CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');;
             CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');;
             CREATE TABLE events_rest PARTITION OF events DEFAULT;;
             CREATE INDEX ON events_1 (kind);; CREATE INDEX ON events_2 (kind);; ANALYZE events",
        )
        .await;
    place.mended_by_its_fix("a partition lacks its siblings' index").await;

    place
        .run("INSERT INTO events SELECT n, '2027-01-01' FROM generate_series(1, 300) n;; ANALYZE events")
        .await;
    let finding = place.leads("rows land in the default partition").await;
    place.run(&finding.first_fix).await;
    place.silent("detached").await;

    place
        .run(
            "CREATE TABLE invoices (id int PRIMARY KEY, tenant_id int NOT NULL);;
             INSERT INTO invoices SELECT n, CASE WHEN n % 10 < 7 THEN 42 ELSE n % 300 END FROM generate_series(1, 20000) n;; ANALYZE invoices",
        )
        .await;
    place.leads("one tenant has most rows").await;
    place.run("DROP TABLE invoices").await;
    place.silent("the tenants are gone").await;

    place.run("SELECT pg_create_physical_replication_slot('old_standby', true)").await;
    place.run("CREATE TABLE filler AS SELECT n AS id, repeat('x', 800) AS body FROM generate_series(1, 100000) n;; DROP TABLE filler").await;
    place.mended_by_its_fix("nobody reads a replication slot").await;
    place.end().await;
}

#[tokio::test]
async fn an_archive_that_takes_nothing_is_named() {
    let place = place_with(&[("archive_mode", "on")]).await;
    let archiver = async |condition: &str| {
        let asked = format!("SELECT {condition} FROM pg_stat_archiver");
        for _ in 0..600 {
            if place.session.value(&asked).await.unwrap().as_deref() == Some("t") {
                return;
            }
            // The archiver may not have heard of a new setting when the last segment came.
            place.session.execute("UPDATE customers SET email = email WHERE id = 1").await.unwrap();
            place.session.execute("SELECT pg_switch_wal()").await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("a minute passed without: {condition}");
    };
    place.run("ALTER SYSTEM SET archive_command = 'true';; SELECT pg_reload_conf()").await;
    archiver("archived_count > 0").await;
    place.silent("the log is archived").await;

    place
        .run("ALTER SYSTEM SET archive_command = 'false';; SELECT pg_reload_conf();; SELECT pg_switch_wal()")
        .await;
    archiver("failed_count > 0").await;
    let finding = place.leads("archive_command fails").await;
    place.run(&format!("ALTER SYSTEM SET archive_command = 'true';; {}", finding.first_fix)).await;
    archiver("last_archived_time > last_failed_time").await;
    place.silent("the log is archived again").await;
    place.end().await;
}

#[tokio::test]
async fn a_disk_that_is_nearly_full_is_named() {
    let run_as = RunAs::choose().unwrap();
    let room = OwnedFolder::create("/tmp".into(), "disk", &run_as).unwrap();
    let Some(disk) = SmallDisk::mount(&room.path().join("disk"), &run_as) else {
        eprintln!("not examined: a small disk takes rights to mount one");
        return;
    };
    let mut spec = ServerSpec::new(sample::installation(), Profile::Durable, "triage");
    spec.temp = Some(disk.0.clone());
    for (name, value) in SETTINGS.iter().chain(&[("max_wal_size", "64MB"), ("min_wal_size", "32MB")]) {
        spec = spec.setting(*name, *value);
    }
    let place = place_of(Server::start(spec).await.unwrap()).await;
    place.silent("half of the disk is free").await;
    let filler = disk.0.join("core.4711");
    fs_err::write(&filler, vec![1; disk.free().saturating_sub(6 << 20)]).unwrap();
    place.record.borrow_mut().note("-- another program wrote a file beside the data until 6 MB were left");
    place.leads("the disk is nearly full").await;
    fs_err::remove_file(&filler).unwrap();
    place.record.borrow_mut().note("-- the file was removed");
    place.silent("there is room again").await;
    place.end().await;
}

/// A file system of its own in memory, gone with its last user.
struct SmallDisk(camino::Utf8PathBuf);

impl SmallDisk {
    /// Mounts one of 300 MB; nothing where this process may not.
    fn mount(at: &camino::Utf8Path, run_as: &RunAs) -> Option<SmallDisk> {
        run_as.create_folder(at).unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=300m,mode=1777", "underpin", at.as_str()])
            .status();
        mounted.is_ok_and(|status| status.success()).then(|| SmallDisk(at.to_owned()))
    }

    fn free(&self) -> usize {
        let told = std::process::Command::new("df")
            .args(["-B1", "--output=avail", self.0.as_str()])
            .output()
            .unwrap();
        String::from_utf8(told.stdout).unwrap().lines().last().unwrap().trim().parse().unwrap()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whatever still has a file open keeps it until it ends.
        let _ = std::process::Command::new("umount").args(["--lazy", self.0.as_str()]).status();
    }
}

#[tokio::test]
async fn a_standby_that_does_not_replay_is_named() {
    let place = place().await;
    let run_as = RunAs::choose().unwrap();
    let dir = OwnedFolder::create("/tmp".into(), "triage", &run_as).unwrap();
    let data = dir.path().join("standby");
    let copy = ToolCall::new("pg_basebackup")
        .args([
            format!("--pgdata={data}"),
            "--checkpoint=fast".to_owned(),
            "--write-recovery-conf".to_owned(),
        ])
        .on(&place.address().application_name("reports_standby"));
    run_tool(&sample::installation(), &copy).await.unwrap().checked().unwrap();
    let mut spec = ServerSpec::new(sample::installation(), Profile::Durable, "standby")
        .source(DataSource::InPlace(data));
    for (name, value) in SETTINGS {
        spec = spec.setting(*name, *value);
    }
    let standby = Server::start(spec).await.unwrap();
    let there = Session::connect(&standby.address()).await.unwrap();
    let caught_up = async || {
        let behind = "SELECT coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 1) = 0 FROM pg_stat_replication";
        while place.session.value(behind).await.unwrap().as_deref() != Some("t") {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    caught_up().await;
    place.silent("the standby follows").await;

    there.execute("SELECT pg_wal_replay_pause()").await.unwrap();
    place.run("CREATE TABLE filler AS SELECT n AS id, repeat('x', 800) AS body FROM generate_series(1, 40000) n;; DROP TABLE filler").await;
    place.leads("a standby receives and does not replay").await;
    there.execute("SELECT pg_wal_replay_resume()").await.unwrap();
    place.record.borrow_mut().note("SELECT pg_wal_replay_resume() /* on the standby */");
    caught_up().await;
    place.silent("the standby replays").await;
    there.close().await;
    standby.stop().await.unwrap();
    place.end().await;
}

#[tokio::test]
async fn what_a_monitor_may_not_see_is_said() {
    let place = place().await;
    place.run("CREATE ROLE watcher LOGIN;; CREATE ROLE monitor LOGIN IN ROLE pg_monitor").await;
    let blind = look(&place.address().user("watcher")).await.unwrap();
    assert!(blind.unseen.iter().any(|one| one.contains("pg_monitor")), "{:?}", blind.unseen);
    let monitor = look(&place.address().user("monitor")).await.unwrap();
    assert!(monitor.findings.is_empty(), "{monitor:#?}");
    assert_eq!(monitor.unseen.len(), 1, "{:?}", monitor.unseen);
    // A lock on everything keeps nobody waiting.
    let locker = place.connect("deploy").await;
    locker.execute("BEGIN; LOCK TABLE orders, customers IN ACCESS EXCLUSIVE MODE; ALTER SEQUENCE orders_id_seq CACHE 2").await.unwrap();
    let locked = place.look().await;
    assert!(locked.findings.is_empty(), "{locked:#?}");
    assert_eq!(locked.unseen, ["The position of public.orders_id_seq: somebody locks it."]);
    place.end().await;
}

#[tokio::test]
async fn ten_thousand_relations_are_looked_through() {
    let place = place_with(&[("max_locks_per_transaction", "1024"), ("fsync", "off")]).await;
    place
        .run(
            "DO $$ BEGIN FOR n IN 1..5000 LOOP
             EXECUTE format('CREATE TABLE many_%s (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)', n); END LOOP; END $$;;
             ANALYZE pg_class;; ANALYZE pg_index;; ANALYZE pg_attribute;; ANALYZE pg_depend",
        )
        .await;
    // `silent` looks at the clock.
    place.silent("15 000 relations").await;
    place.end().await;
}
