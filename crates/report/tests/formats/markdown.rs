//! Markdown.

use underpin_model::Report;
use underpin_report::markdown::{evidence_document, evidence_document_with_durations, render};

use crate::sample;

fn only(names: &[&str]) -> Report {
    let mut report = sample::report();
    report.proofs.retain(|proof| names.contains(&proof.proof.as_str()));
    report
}

#[test]
fn a_summary_for_a_pull_request() {
    let text = render(&only(&["seed", "schema", "roles", "isolation"]));
    assert!(text.starts_with("## ❌ codelearn: broken\n\n"), "{text}");
    for part in [
        "\n| ✅ | seed | proven | 8.1 s | `seed.sql` ran twice; 26 tables are equal, row for row. |\n",
        "\n| ⏭️ | roles | skipped |  | No `app_role` in underpin.toml, so there is no role to try. |\n",
        "\n### 2 errors\n\n- **`UP104 fk-no-index`** enrollments.purchase_id has no index: ",
        " reads 1 000 000 rows (`migrations/004_purchases.sql:48`)\n\n  ```sql\n  CREATE INDEX CONCURRENTLY",
        "\n<details><summary>7 notes</summary>\n\n- **`UP141 name-reserved-word`** ",
        "\n<details><summary>Evidence of schema</summary>\n\n#### The statement\n\n```sql\n",
    ] {
        assert!(text.contains(part), "{part}\n\nis not in\n\n{text}");
    }
}

#[test]
fn a_document_of_evidence_is_stable() {
    let mut report = only(&["restore", "locks"]);
    let evidence: Vec<_> = report.proofs.iter().flat_map(|proof| proof.evidence.clone()).collect();
    let document = evidence_document("Backup runbook", "The commands that ran.", &evidence);
    let start = "# Backup runbook\n\nThe commands that ran.\n\n## The commands that ran\n\n```console\n\
                 $ pg_dump --format=custom --file=codelearn.dump codelearn\n$ pg_restore ";
    assert!(document.starts_with(start), "{document}");
    for part in [
        "\npg_verifybackup: error: checksum mismatch for file \"base/16384/16397\"\n# exit 1\n```\n",
        "\n`migrations/004_purchases.sql:12`\n\n```sql\nALTER TABLE enrollments\n  ADD COLUMN",
        "\n| AccessExclusiveLock | enrollments |\n",
    ] {
        assert!(document.contains(part), "{part}\n\nis not in\n\n{document}");
    }
    let text = serde_json::to_string(&report).unwrap().replace("\"duration_ms\":", "\"duration_ms\":1");
    report = serde_json::from_str(&text).unwrap();
    let later: Vec<_> = report.proofs.iter().flat_map(|proof| proof.evidence.clone()).collect();
    assert_ne!(later, evidence);
    assert_eq!(evidence_document("Backup runbook", "The commands that ran.", &later), document);
    assert!(evidence_document_with_durations("t", "", &evidence).contains("# 2.2 s"));
}

#[test]
fn a_diagram_becomes_mermaid() {
    let report = only(&["replay"]);
    let document = evidence_document("Schema", "", &report.proofs[0].evidence);
    assert!(document.contains("```mermaid\nerDiagram\n    users {\n        uuid id PK\n"));
    assert!(document.contains("    users ||--o{ enrollments : \"user_id\"\n"));
    assert!(!document.contains("184"), "the time of a migration is no stable fact");
}
