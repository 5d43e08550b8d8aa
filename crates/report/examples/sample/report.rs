//! A rich hand-made report: every verdict, every kind of evidence, a schema of 26 tables.

use underpin_model::evidence::{
    ErColumn, ErDiagram, ErReference, ErTable, HeldLock, Lines, PlanBox, PlanTree, RaceRepair,
    ScheduleOutcomes, ScheduleStep, Schedules, Series, StatementTrace, TranscriptStep,
};
use underpin_model::report::{REPORT_VERSION, ServerInfo};
use underpin_model::{
    Code, Evidence, EvidenceBody, Finding, Measure, ObjectKind, ObjectRef, ProofReport, Report, SourceLine,
    Verdict,
};

const FK_NO_INDEX: Code = Code::error("UP104", "fk-no-index", "A foreign key has no index");
const ORPHAN_VALUES: Code = Code::error("UP131", "orphan-values", "Values refer to nothing");
const VARCHAR_N: Code = Code::note("UP121", "varchar-n", "A length limit stands in the type");
const RESERVED: Code = Code::note("UP141", "name-reserved-word", "A name is a reserved word");
const NULLABLE_BOOLEAN: Code = Code::warning("UP123", "nullable-boolean", "A boolean has three values");
const SEQ_SCAN: Code = Code::error("UP501", "plan-seq-scan", "A query newly reads a whole table");
const READ_MODEL: Code = Code::error("UP301", "read-model-drift", "A stored count differs from its recount");

/// Returns the sample.
pub fn report() -> Report {
    let proofs = vec![
        replay(),
        seed(),
        constraints(),
        schema(),
        atomicity(),
        soft_delete(),
        read_model(),
        roles(),
        restore(),
        locks(),
        isolation(),
        plans(),
    ];
    let settings = [
        ("fsync", "off"),
        ("synchronous_commit", "on"),
        ("shared_buffers", "128MB"),
        ("wal_level", "replica"),
        ("max_connections", "100"),
        ("data_checksums", "on"),
    ];
    Report {
        report: REPORT_VERSION,
        underpin: "0.1.0".to_owned(),
        project: "codelearn".to_owned(),
        server: ServerInfo {
            version: "17.6 (Debian 17.6-1.pgdg12+1)".to_owned(),
            settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        },
        started_at: "2026-08-14T09:30:12Z".to_owned(),
        duration_ms: 74_310,
        verdict: Report::overall(&proofs),
        proofs,
    }
}

fn proof(name: &str, verdict: Verdict, duration_ms: u64, reason: &str) -> ProofReport {
    ProofReport {
        proof: name.to_owned(),
        verdict,
        reason: Some(reason.to_owned()),
        duration_ms,
        findings: Vec::new(),
        evidence: Vec::new(),
        measures: Vec::new(),
    }
}

fn rows(cells: &[&[&str]]) -> Vec<Vec<String>> {
    cells.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
}

fn column(table: &str, name: &str) -> ObjectRef {
    ObjectRef::in_schema(ObjectKind::Column, "public", table).column(name)
}

fn replay() -> ProofReport {
    let migrations = [
        ("001_users.sql", 184.0),
        ("002_catalogue.sql", 231.0),
        ("003_enrollments.sql", 148.0),
        ("004_purchases.sql", 192.0),
        ("005_progress_and_certificates.sql", 96.0),
        ("006_reviews.sql", 71.0),
        ("007_read_model.sql", 128.0),
    ];
    let bars = migrations.map(|(file, milliseconds)| (file.to_owned(), milliseconds)).to_vec();
    ProofReport {
        evidence: vec![
            Evidence {
                id: "schema".into(),
                title: "The schema that the migrations build".to_owned(),
                body: EvidenceBody::ErDiagram(diagram()),
            },
            Evidence::bars("durations", "Time per migration", "ms", bars),
        ],
        measures: vec![
            Measure::new("migrations", 7.0, "count"),
            Measure::new("statements", 164.0, "count"),
            Measure::new("replay_time", 1050.0, "ms"),
            Measure::new("catalog_objects", 412.0, "count"),
        ],
        ..proof(
            "replay",
            Verdict::Proven,
            4210,
            "7 migrations replayed twice from nothing; both catalogs are equal, object by object.",
        )
    }
}

fn seed() -> ProofReport {
    let counts = rows(&[
        &["users", "41200", "41200", "9f1c22ab07e1d3c4", "equal"],
        &["courses", "1200", "1200", "77aa0c1d99ef3b21", "equal"],
        &["enrollments", "100000", "100000", "01d2aa9be7c34f55", "equal"],
        &["purchases", "81200", "81200", "c4d9c0de1f00ba11", "equal"],
    ]);
    let columns = ["table", "rows, first run", "rows, second run", "checksum", "result"];
    ProofReport {
        evidence: vec![Evidence::table("counts", "Rows and checksums after each run", &columns, counts)],
        measures: vec![Measure::new("rows", 223_600.0, "count"), Measure::new("rate", 412_000.0, "rows/s")],
        ..proof("seed", Verdict::Proven, 8120, "`seed.sql` ran twice; 26 tables are equal, row for row.")
    }
}

fn constraints() -> ProofReport {
    let tried = rows(&[
        &["courses", "courses_price_amount_check", "CHECK", "23514", "refused"],
        &["courses", "courses_slug_key", "UNIQUE", "23505", "refused"],
        &["enrollments", "enrollments_user_id_course_id_key", "UNIQUE", "23505", "refused"],
        &["enrollments", "enrollments_course_id_fkey", "FOREIGN KEY", "23503", "refused"],
        &["payouts", "payouts_instructor_id_period_excl", "EXCLUDE", "23P01", "refused"],
    ]);
    let columns = ["table", "constraint", "kind", "SQLSTATE", "result"];
    let kinds =
        [("NOT NULL", 118.0), ("FOREIGN KEY", 34.0), ("CHECK", 47.0), ("UNIQUE", 21.0), ("EXCLUDE", 1.0)];
    let bars = kinds.map(|(kind, tried)| (kind.to_owned(), tried)).to_vec();
    ProofReport {
        evidence: vec![
            Evidence::bars("kinds", "Constraints tried, by kind", "constraints", bars),
            Evidence::table("tried", "What the server answered to bad data", &columns, tried),
        ],
        measures: vec![
            Measure::new("constraints_tried", 221.0, "count"),
            Measure::new("refused", 221.0, "count"),
        ],
        ..proof("constraints", Verdict::Proven, 6900, "221 constraints refused the bad data made for them.")
    }
}

fn schema() -> ProofReport {
    let mut findings = vec![
        Finding::new(&FK_NO_INDEX, "enrollments.purchase_id has no index: deleting one purchase reads 1 000 000 rows")
            .object(column("enrollments", "purchase_id"))
            .at(SourceLine::new("migrations/004_purchases.sql", 48))
            .hint("CREATE INDEX CONCURRENTLY enrollments_purchase_id_idx\n    ON enrollments (purchase_id);")
            .evidence(&"plan".into()),
        Finding::new(&ORPHAN_VALUES, "12 400 of 96 000 wishlist_items.course_id values refer to no course")
            .object(column("wishlist_items", "course_id"))
            .at(SourceLine::new("migrations/002_catalogue.sql", 112))
            .hint("ALTER TABLE wishlist_items ADD FOREIGN KEY (course_id) REFERENCES courses ON DELETE CASCADE;"),
        Finding::new(&NULLABLE_BOOLEAN, "lessons.is_preview allows NULL, and no row of 61 000 uses it")
            .object(column("lessons", "is_preview"))
            .at(SourceLine::new("migrations/002_catalogue.sql", 77))
            .hint("ALTER TABLE lessons ALTER COLUMN is_preview SET NOT NULL;"),
        Finding::new(&RESERVED, "sections.position is a reserved word of SQL")
            .object(column("sections", "position"))
            .at(SourceLine::new("migrations/002_catalogue.sql", 61)),
    ];
    for table in ["instructors", "coupons", "tags", "sessions", "assets", "payouts"] {
        let message = format!("{table}.slug is varchar(80); the longest of its values has 41 characters");
        findings.push(Finding::new(&VARCHAR_N, message).object(column(table, "slug")));
    }
    let plan = "Delete on purchases (actual rows=0 loops=1)\n  ->  Index Scan using purchases_pkey on purchases\nTrigger for constraint enrollments_purchase_id_fkey: time=184.201 calls=1";
    let query = "-- what one delete costs\nEXPLAIN (ANALYZE, BUFFERS)\nDELETE FROM purchases WHERE id = '0197a1c2-0d1e-7c11-8a30-9f6f2f6f0001';";
    ProofReport {
        findings,
        evidence: vec![
            Evidence::text("query", "The statement", "sql", query),
            Evidence::text("plan", "Its plan", "text", plan),
        ],
        measures: vec![Measure::new("rules", 44.0, "count"), Measure::new("tables", 26.0, "count")],
        ..proof("schema", Verdict::Broken, 3310, "44 rules over 26 tables: two facts hurt.")
    }
}

fn atomicity() -> ProofReport {
    let steps = rows(&[
        &["enroll", "1", "UPDATE courses SET seats = seats - 1", "error", "unchanged"],
        &["enroll", "2", "INSERT INTO enrollments", "backend killed", "unchanged"],
        &["enroll", "3", "INSERT INTO notifications", "server crash", "unchanged"],
        &["purchase", "1", "UPDATE coupons SET uses_left = uses_left - 1", "error", "unchanged"],
        &["purchase", "2", "INSERT INTO purchases", "backend killed", "unchanged"],
        &["refund", "4", "COMMIT", "server crash", "complete"],
    ]);
    let columns = ["transaction", "failed after step", "statement", "failure", "database"];
    ProofReport {
        evidence: vec![Evidence::table("failures", "Every step failed in turn", &columns, steps)],
        measures: vec![Measure::new("failures_tried", 63.0, "count")],
        ..proof(
            "atomicity",
            Verdict::Proven,
            14_820,
            "5 transactions failed after each of 21 steps in 3 ways: all or nothing.",
        )
    }
}

fn soft_delete() -> ProofReport {
    proof(
        "soft-delete",
        Verdict::Proven,
        1240,
        "6 tables: deleted rows vanish from 9 views, and come back identical.",
    )
}

fn read_model() -> ProofReport {
    let points = (0..=120)
        .map(|second| {
            let x = f64::from(second) / 2.0;
            (
                x,
                (880.0 + 140.0 * (x / 4.0).sin() - if (38.0..44.0).contains(&x) { 610.0 } else { 0.0 })
                    .round(),
            )
        })
        .collect();
    let series = Series { x_unit: "s".to_owned(), y_unit: "commits/s".to_owned(), points };
    let drift = rows(&[
        &["0197a1c2-0d1e-7c11-8a30-9f6f2f6f0001", "412", "411"],
        &["0197a1c2-0d1e-7c11-8a30-9f6f2f6f0a77", "98", "96"],
    ]);
    ProofReport {
        findings: vec![
            Finding::new(
                &READ_MODEL,
                "courses.enrollment_count differs from a recount in 2 of 1200 rows after concurrent writes",
            )
            .object(column("courses", "enrollment_count"))
            .at(SourceLine::new("migrations/007_read_model.sql", 23))
            .hint("lock the course row first: SELECT … FROM courses WHERE id = NEW.course_id FOR UPDATE")
            .evidence(&"drift".into()),
        ],
        evidence: vec![
            Evidence {
                id: "load".into(),
                title: "Commits per second while 8 sessions write".to_owned(),
                body: EvidenceBody::Series(series),
            },
            Evidence::lines("growth", "Buffers as the table grows", growth()),
            Evidence::table("drift", "Rows that differ", &["course", "stored", "recounted"], drift),
        ],
        ..proof(
            "read-model",
            Verdict::Broken,
            12_010,
            "Recounted after the seed, after 52 400 concurrent writes, after deletes.",
        )
    }
}

fn roles() -> ProofReport {
    proof("roles", Verdict::Skipped, 0, "No `app_role` in underpin.toml, so there is no role to try.")
}

fn restore() -> ProofReport {
    let step = |command: &str, output: &str, exit: i32, duration_ms: u64| TranscriptStep {
        command: command.to_owned(),
        output: output.to_owned(),
        exit: Some(exit),
        duration_ms,
    };
    let steps = vec![
        step("pg_dump --format=custom --file=codelearn.dump codelearn", "", 0, 2210),
        step("pg_restore --create --exit-on-error --dbname=postgres codelearn.dump", "", 0, 4160),
        step("pg_basebackup --pgdata=base --wal-method=stream --checkpoint=fast", "", 0, 1980),
        step("pg_verifybackup base", "backup successfully verified", 0, 640),
        step(
            "pg_verifybackup base-with-a-flipped-byte",
            "pg_verifybackup: error: checksum mismatch for file \"base/16384/16397\"",
            1,
            610,
        ),
    ];
    ProofReport {
        evidence: vec![Evidence::transcript("commands", "The commands that ran", steps)],
        measures: vec![
            Measure::new("dump", 18_400_000.0, "bytes"),
            Measure::new("restore_time", 4160.0, "ms"),
        ],
        ..proof(
            "restore",
            Verdict::Proven,
            19_700,
            "Dump and base backup restored elsewhere; 26 tables equal, damage detected.",
        )
    }
}

fn locks() -> ProofReport {
    let lock = |relation: &str, mode: &str| HeldLock { relation: relation.to_owned(), mode: mode.to_owned() };
    let trace = |line: u32, sql: &str, locks: Vec<HeldLock>, duration_ms: f64| Evidence {
        id: underpin_model::EvidenceId(format!("statement-{line}")),
        title: format!("004_purchases.sql:{line}"),
        body: EvidenceBody::Statement(StatementTrace {
            file: "migrations/004_purchases.sql".to_owned(),
            line,
            sql: sql.to_owned(),
            locks,
            duration_ms,
            ..StatementTrace::default()
        }),
    };
    ProofReport {
        evidence: vec![
            trace(
                12,
                "ALTER TABLE enrollments\n  ADD COLUMN purchase_id uuid REFERENCES purchases ON DELETE RESTRICT",
                vec![lock("enrollments", "AccessExclusiveLock"), lock("purchases", "ShareRowExclusiveLock")],
                14.2,
            ),
            trace(
                31,
                "CREATE INDEX purchases_paid_at_idx ON purchases (paid_at DESC) WHERE amount > 0 -- \"paid\" only",
                vec![lock("purchases", "ShareLock")],
                381.0,
            ),
        ],
        ..proof("locks", Verdict::Proven, 2900, "38 statements: none blocks readers for longer than 50 ms.")
    }
}

fn isolation() -> ProofReport {
    let step = |tx: &str, step: usize, sql: &str, outcome: &str| ScheduleStep {
        tx: tx.to_owned(),
        step,
        sql: sql.to_owned(),
        outcome: outcome.to_owned(),
        waits_until: outcome.starts_with("waits until step 5").then_some(5),
    };
    let repair = |change: &str, level: &str, fault: Option<&str>| RaceRepair {
        change: change.to_owned(),
        level: level.to_owned(),
        holds: fault.is_none(),
        fault: fault.map(str::to_owned),
        explored: 10,
        waiting: 8,
        refused: u64::from(level == "serializable") * 6,
        added_statements: 0,
        messages_under_lock: 3,
        throughput: fault.is_none().then_some(0.8),
    };
    let schedules = Schedules {
        scenario: "two buyers, one seat".to_owned(),
        level: "read committed".to_owned(),
        schedules: 20.0,
        explored: 12,
        sampled: 0,
        pruned: 3,
        exhausted: true,
        waiting: 8,
        anomalous: 4,
        outcomes: ScheduleOutcomes { ok: 12, ..ScheduleOutcomes::default() },
        compared: true,
        nonserializable: 4,
        needless: 0,
        minimal: vec![
            step("t1", 1, "SELECT seats_left FROM courses WHERE id = 2", "seats_left 1"),
            step("t2", 2, "SELECT seats_left FROM courses WHERE id = 2", "seats_left 1"),
            step("t1", 3, "UPDATE courses SET seats_left = 0 WHERE id = 2", "1 row"),
            step("t2", 4, "UPDATE courses SET seats_left = 0 WHERE id = 2", "waits until step 5, then: 1 row"),
            step("t1", 5, "COMMIT", "done"),
            step("t2", 6, "COMMIT", "done"),
        ],
        replay: Some("121212".to_owned()),
        spec: Some("session t1\nstep t1_1 { SELECT 1; }\n\npermutation t1_1\n".to_owned()),
        violated: vec!["seats_never_oversold".to_owned()],
        class: Some("lost update".to_owned()),
        explanation: Some(
            "t2 read courses at step 2 (seats_left 1); t1 changed courses at step 3 and committed at step 5, unseen by \
             that read; t2 wrote courses at step 4 on the strength of what it had read."
                .to_owned(),
        ),
        beyond: None,
        repairs: vec![
            repair("lock the rows that are read: FOR NO KEY UPDATE", "read committed", None),
            repair("SERIALIZABLE, begun again after 40001 and 40P01", "serializable", None),
            repair("take an advisory lock first: pg_advisory_xact_lock", "read committed", Some("breaks at 112212")),
        ],
        seconds: 0.4,
    };
    let evidence = Evidence {
        id: underpin_model::EvidenceId("two-buyers".to_owned()),
        title: "two buyers, one seat at READ COMMITTED".to_owned(),
        body: EvidenceBody::Schedules(Box::new(schedules)),
    };
    ProofReport {
        evidence: vec![evidence],
        ..proof(
            "isolation",
            Verdict::Inconclusive,
            1100,
            "The server ran out of disk while cloning: 412 MB are missing in /var/tmp.",
        )
    }
}

/// Returns the diagram of `schema.txt`: a table per unindented line, a column per indented one.
pub fn diagram() -> ErDiagram {
    let mut diagram = ErDiagram::default();
    for line in include_str!("schema.txt").lines() {
        match line.strip_prefix("  ") {
            Some(column) => add_column(&mut diagram, column),
            None => {
                let (name, rows) = line.split_once(' ').unwrap_or((line, ""));
                let table = ErTable { name: name.to_owned(), columns: Vec::new(), rows: rows.parse().ok() };
                diagram.tables.push(table);
            }
        }
    }
    diagram
}

fn add_column(diagram: &mut ErDiagram, line: &str) {
    let Some(table) = diagram.tables.last_mut() else { return };
    let (declared, target) = line.split_once(" -> ").unwrap_or((line, ""));
    let (name, mut rest) = declared.split_once(' ').unwrap_or((declared, ""));
    let nullable = rest.ends_with(" ?");
    rest = rest.trim_end_matches(" ?");
    let primary_key = rest.ends_with(" pk");
    table.columns.push(ErColumn {
        name: name.to_owned(),
        type_name: rest.trim_end_matches(" pk").to_owned(),
        primary_key,
        foreign_key: !target.is_empty(),
        nullable,
    });
    if let Some((to, rule)) = target.split_once(' ') {
        diagram.references.push(ErReference {
            from: table.name.clone(),
            from_columns: vec![name.to_owned()],
            to: to.to_owned(),
            optional: nullable,
            one_to_one: rule.starts_with("one "),
            on_delete: rule.trim_start_matches("one ").to_owned(),
        });
    }
}

fn growth() -> Lines {
    let line = |label: &str, amounts: [f64; 3]| {
        (label.to_owned(), [1_200.0, 12_000.0, 100_000.0].into_iter().zip(amounts).collect())
    };
    Lines {
        x_unit: "rows".to_owned(),
        y_unit: "buffers".to_owned(),
        lines: vec![
            line("full text", [6.0, 7.0, 7.0]),
            line("LIKE '%term%'", [96.0, 940.0, 7_800.0]),
            line("LIKE 'term%'", [3.0, 3.0, 4.0]),
        ],
    }
}

fn plans() -> ProofReport {
    let finding = Finding::new(
        &SEQ_SCAN,
        "top_courses: courses is read from beginning to end (100 000 rows), 12 are kept",
    )
    .object(ObjectRef::new(ObjectKind::Query, "top_courses"))
    .at(SourceLine::new("queries/catalogue.sql", 8))
    .hint("underpin prove indexes says which index, statistics or rewrite helps.")
    .evidence(&"change-top_courses".into());
    let notes = vec!["category_id = 7".to_owned(), "index scan on courses became sequential scan".to_owned()];
    let evidence = Evidence::plans(
        "change-top_courses",
        "top_courses with its given values: accepted and now",
        notes,
        vec![accepted(), now()],
    );
    ProofReport {
        findings: vec![finding],
        evidence: vec![evidence],
        ..proof("plans", Verdict::Broken, 4_210, "Executed 26 queries under 135 plans.")
    }
}

fn boxed(depth: usize, node: &str, (estimate, rows, loops): (f64, f64, f64), buffers: u64) -> PlanBox {
    let node = node.to_owned();
    PlanBox { depth, node, estimate, rows: Some(rows), loops, buffers: Some(buffers), ..PlanBox::default() }
}

fn accepted() -> PlanTree {
    let mut branch = boxed(1, "Recursive Union", (51.0, 4.0, 1.0), 9);
    branch.subplan = Some("CTE branch".to_owned());
    let scan = PlanBox {
        place: Some("courses c".to_owned()),
        index: Some("ix_courses_category_id".to_owned()),
        off: Some(1.2),
        details: vec!["Index Cond: (c.category_id = b.id)".to_owned()],
        ..boxed(2, "Index Scan", (10.0, 3.0, 4.0), 36)
    };
    let nodes = vec![
        boxed(0, "Limit", (10.0, 10.0, 1.0), 45),
        branch,
        PlanBox { off: Some(1.0), ..boxed(1, "Nested Loop (Semi)", (40.0, 12.0, 1.0), 45) },
        scan,
    ];
    PlanTree { label: "accepted".to_owned(), buffers: 45, temp: 0, nodes }
}

fn now() -> PlanTree {
    let never = PlanBox {
        rows: None,
        place: Some("course_tags".to_owned()),
        index: Some("pk_course_tags".to_owned()),
        ..boxed(3, "Index Only Scan", (1.0, 0.0, 0.0), 0)
    };
    let scan = PlanBox {
        place: Some("courses c".to_owned()),
        off: Some(180.0),
        removed: 99_988.0,
        details: vec![
            "Filter: ((c.status = 'published'::text) AND (c.category_id + 0 = ANY ($1)))".to_owned(),
        ],
        ..boxed(3, "Seq Scan", (2_160.0, 12.0, 1.0), 8_112)
    };
    let nodes = vec![
        boxed(0, "Limit", (10.0, 10.0, 1.0), 8_121),
        PlanBox {
            details: vec!["Sort Key: c.enrollment_count DESC, c.id DESC".to_owned()],
            ..boxed(1, "Sort", (2_160.0, 10.0, 1.0), 8_121)
        },
        PlanBox { off: Some(3.4), ..boxed(2, "Hash Join", (41.0, 12.0, 1.0), 8_121) },
        scan,
        never,
    ];
    PlanTree { label: "now".to_owned(), buffers: 8_121, temp: 310, nodes }
}
