//! `evidence/backup-runbook.md`: the exact commands that ran, for the night when they are needed.

use super::backup::{Bench, Kind};

/// Returns the runbook; it has no durations and no folder of this machine, so it changes only when a command does.
pub(super) fn render(bench: &Bench<'_>) -> String {
    let mut text = String::from(
        "# Backup runbook\n\n\
         Every command below ran in this order against a real server and ended as shown; the restored database was\n\
         compared with the original, table by table and object by object. `$BACKUP` is the folder of the backups.\n\
         Connection settings come from the environment (`PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`): the source for\n\
         `pg_dump`, `pg_dumpall` and `pg_basebackup`, the *new* instance for `psql` and `pg_restore`.\n\n\
         Regenerate with `underpin prove restore`.\n",
    );
    for (kind, steps) in &bench.chapters {
        text.push_str(&format!("\n## {}\n\n{}\n", kind.title(), when(*kind)));
        for step in steps {
            text.push_str(&format!("\n```console\n$ {}\n", step.command));
            if !step.output.trim().is_empty() {
                text.push_str(&format!("{}\n", step.output.trim()));
            }
            text.push_str("```\n");
        }
    }
    text.push_str("\n## Damaged backups\n\n| backup | damage | how it was noticed |\n|---|---|---|\n");
    for row in &bench.damages {
        text.push_str(&format!("| {} |\n", row.join(" | ").replace('`', "'")));
    }
    text.push_str(
        "\n## While the application writes\n\n\
         What ran beside the project's transactions: the first command sums every table in the snapshot that the dump\n\
         reads, the second restores and compares with these sums.\n\n\
         ```console\n\
         $ underpin backup --to $BACKUP --database-url URL\n\
         $ underpin restore --from $BACKUP --database-url URL_OF_A_NEW_DATABASE\n\
         ```\n\n\
         ## What this does not show\n\n\
         Point-in-time recovery (see `pitr-runbook.md`), and the time that production's volume takes.\n",
    );
    text
}

fn when(kind: Kind) -> &'static str {
    match kind {
        Kind::Custom => "For moving to another major version, for one table, for small databases.",
        Kind::Directory => "As the custom format, in parallel.",
        Kind::Physical => "The whole cluster, for large databases and as the base of point-in-time recovery.",
    }
}
