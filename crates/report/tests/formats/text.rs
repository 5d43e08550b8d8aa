//! The terminal form.

use underpin_model::{Code, Finding, ProofReport, Report, Verdict};
use underpin_report::text::{TextStyle, proof_line, render};

use crate::sample;

#[test]
fn a_run_with_everything() {
    let style = TextStyle {
        root: "systems/codelearn".into(),
        html: Some("report.html".into()),
        ..TextStyle::default()
    };
    let text = render(&sample::report(), &style);
    for part in [
        "proven        replay             4.2 s  7 migrations replayed twice",
        "skipped       roles                  -  No `app_role`",
        "\nerror[UP104] fk-no-index: enrollments.purchase_id has no index:",
        "\n  --> systems/codelearn/migrations/004_purchases.sql:48\n    hint: CREATE INDEX CONCURRENTLY",
        " enrollments_purchase_id_idx\n              ON enrollments (purchase_id);\n",
        "\n    now: 8121 buffers, 310 temporary\n    Limit  10 → 10 rows, 8121 buffers\n    └─ Sort",
        "└─ Index Only Scan using pk_course_tags on course_tags  1 → never executed\n",
        "\nnote[UP121] varchar-n: 6 times: instructors.slug, coupons.slug",
        "\ncodelearn: broken on PostgreSQL 17.6 (Debian 17.6-1.pgdg12+1) in 1 min 14 s.\n",
        "\n12 proofs: 3 broken, 1 inconclusive, 7 proven, 1 skipped; 4 errors, 1 warning, 7 notes.\n",
    ] {
        assert!(text.contains(part), "{part}\n\nis not in\n\n{text}");
    }
    let steps = "\nhint: `underpin explain UP104` tells why fk-no-index matters and how to mend it\n\
                 hint: `underpin doctor` shows what is missing on this machine\n\
                 hint: open report.html for the evidence\n";
    assert!(text.ends_with(steps), "{text}");
}

#[test]
fn a_narrow_terminal_puts_the_sentence_below() {
    let style = TextStyle { width: 48, ..TextStyle::default() };
    insta::assert_snapshot!(proof_line(&sample::report().proofs[0], &style), @r"
    proven        replay             4.2 s
        7 migrations replayed twice from nothing;
        both catalogs are equal, object by object.
    ");
}

#[test]
fn colour_changes_no_word() {
    let report = sample::report();
    let plain = render(&report, &TextStyle::default());
    let coloured = render(&report, &TextStyle { color: true, ..TextStyle::default() });
    let mut stripped = String::new();
    for (index, part) in coloured.split("\u{1b}[").enumerate() {
        stripped.push_str(if index == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    assert_eq!(stripped, plain);
    assert!(coloured.contains("\u{1b}[1;31merror[UP104]\u{1b}[0m fk-no-index"));
}

#[test]
fn a_clean_run_is_short() {
    insta::assert_snapshot!(render(&clean(Vec::new()), &TextStyle::default()), @r"
    proven        seed               8.1 s  `seed.sql` ran twice; 26 tables are equal, row for row.

    codelearn: proven on PostgreSQL 17.6 (Debian 17.6-1.pgdg12+1) in 1 min 14 s.
    1 proof: 1 proven; no findings.

    hint: the same with `--report html=report.html` writes the evidence as a page
    ");
}

#[test]
fn few_notes_are_told_in_full_and_hostile_text_is_tamed() {
    const NOTE: Code = Code::note("UP121", "varchar-n", "");
    let finding = Finding::new(&NOTE, "a\u{1b}[2Jb\nsecond line").hint("SELECT 1;\nSELECT 2;");
    let text = render(&clean(vec![finding]), &TextStyle::default());
    let told = "\nnote[UP121] varchar-n: a␛[2Jb second line\n    hint: SELECT 1;\n          SELECT 2;\n";
    assert!(text.contains(told), "{text}");
}

#[test]
fn a_rule_that_fires_often_is_cut() {
    const ERROR: Code = Code::error("UP104", "fk-no-index", "");
    let findings = (0..12).map(|number| Finding::new(&ERROR, format!("table {number}"))).collect();
    let text = render(&clean(findings), &TextStyle::default());
    assert!(text.contains("table 4"));
    assert!(!text.contains("table 5"));
    assert!(text.contains("error[UP104] fk-no-index: 7 more like these; `--format json` lists them all."));
}

fn clean(findings: Vec<Finding>) -> Report {
    let proofs = vec![ProofReport { findings, ..sample::report().proofs[1].clone() }];
    Report { verdict: Verdict::Proven, proofs, ..sample::report() }
}

#[test]
fn indexes_proven_alone_are_listed_by_what_they_save_and_cost() {
    let columns = ["index", "verdict", "because", "saves (buffers/s)", "size (KiB)", "log per row (bytes)"];
    let row = |name: &str, verdict: &str, saves: &str, log: &str| {
        [name, verdict, "a sentence", saves, "16", log].map(str::to_owned).to_vec()
    };
    let rows = vec![row("orders_pkey on orders", "needed", "12 400", "98"), row("a", "unused", "0", "64")];
    let proof = ProofReport {
        proof: "indexes".to_owned(),
        evidence: vec![underpin_model::Evidence::table("indexes", "Every index", &columns, rows)],
        ..clean(Vec::new()).proofs.remove(0)
    };
    let alone = Report { proofs: vec![proof.clone()], ..clean(Vec::new()) };
    let text = render(&alone, &TextStyle::default());
    let table: Vec<&str> = text.lines().skip(2).take(3).collect();
    insta::assert_snapshot!(table.join("\n"), @r"
    index                  verdict  saves (buffers/s)  size (KiB)  log per row (bytes)
    orders_pkey on orders  needed              12 400          16                   98
    a                      unused                   0          16                   64
    ");
    let among_others = Report { proofs: vec![proof.clone(), proof.clone(), proof], ..clean(Vec::new()) };
    assert!(!render(&among_others, &TextStyle::default()).contains("12 400"));
}
