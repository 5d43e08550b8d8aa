//! The checks checked: a small project that every proof finds sound, and mutations that each must turn one proof red.

use camino::Utf8Path;
use futures_util::future::LocalBoxFuture;
use include_dir::{Dir, DirEntry, include_dir};
use underpin_model::{EventSink, Verdict};
use underpin_pg::Installation;

use crate::error::LabError;
use crate::lab::LabSpec;
use crate::proof::RunProfile;
use crate::prove::{ProveOptions, prove, select};

static SAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/selftest");

/// A change of the sample that must turn a proof red.
#[derive(Clone, Copy, Debug)]
pub struct Mutation {
    /// What is changed, in words.
    pub what: &'static str,
    /// The proof that must notice.
    pub proof: &'static str,
    /// The rule that it must report.
    pub rule: &'static str,
    /// The file that is changed.
    pub file: &'static str,
    /// The text that goes; none to append.
    pub from: Option<&'static str>,
    /// The text that comes.
    pub to: &'static str,
}

const SCHEMA: &str = "migrations/001_shop.sql";
/// A migration of a later day: what it does is done to tables with rows, under running code.
const LATER: &str = "migrations/002_comments.sql";
const SCENARIO: &str = "scenarios/last_lamp.toml";

const fn append(what: &'static str, proof: &'static str, rule: &'static str, to: &'static str) -> Mutation {
    Mutation { what, proof, rule, file: SCHEMA, from: None, to }
}

const fn deploy(what: &'static str, rule: &'static str, to: &'static str) -> Mutation {
    Mutation { what, proof: "migrations", rule, file: LATER, from: None, to }
}

const fn replace(
    what: &'static str,
    proof: &'static str,
    rule: &'static str,
    (file, from, to): (&'static str, &'static str, &'static str),
) -> Mutation {
    Mutation { what, proof, rule, file, from: Some(from), to }
}

/// Every mutation.
pub const MUTATIONS: &[Mutation] = &[
    append(
        "a statement that needs what no file creates",
        "replay",
        "replay-fails",
        "ALTER TABLE invoices ADD COLUMN note text;",
    ),
    append(
        "a name that depends on the clock",
        "replay",
        "replay-differs",
        "DO $$ BEGIN EXECUTE format('CREATE TABLE %I (id bigint)', 'log_' || to_char(clock_timestamp(), 'SSSSSUS')); END $$;",
    ),
    replace(
        "a seed row without a fixed key",
        "seed",
        "seed-not-idempotent",
        (
            "seed.sql",
            "SELECT setval('customers",
            "INSERT INTO orders (customer_id, product_id, quantity) VALUES (1, 1, 1);\nSELECT setval('customers",
        ),
    ),
    replace(
        "a seed that inserts blindly",
        "seed",
        "seed-fails-again",
        ("seed.sql", "'2026-01-01 00:00:00+00')\nON CONFLICT DO NOTHING;", "'2026-01-01 00:00:00+00');"),
    ),
    replace(
        "a seed that breaks a constraint",
        "seed",
        "seed-fails",
        (
            "seed.sql",
            "SELECT setval('customers",
            "INSERT INTO orders (customer_id) VALUES (NULL);\nSELECT setval('customers",
        ),
    ),
    replace(
        "a check that accepts everything",
        "constraints",
        "constraint-accepts-bad-data",
        (SCHEMA, "CHECK (quantity > 0)", "CHECK (quantity > 0 OR quantity <= 0)"),
    ),
    replace(
        "a table without a primary key",
        "schema",
        "no-primary-key",
        (
            SCHEMA,
            "id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT orders_pkey PRIMARY KEY",
            "id          bigint GENERATED ALWAYS AS IDENTITY",
        ),
    ),
    replace(
        "money in a float",
        "schema",
        "money-float",
        (
            SCHEMA,
            "deleted_at  timestamptz\n",
            "deleted_at  timestamptz,\n    price real NOT NULL DEFAULT 9.99\n",
        ),
    ),
    replace(
        "a COMMIT half way",
        "atomicity",
        "partial-write",
        ("transactions/order.sql", "INSERT INTO orders", "COMMIT;\nBEGIN;\nINSERT INTO orders"),
    ),
    replace(
        "a transaction that the role may not run",
        "atomicity",
        "transaction-fails",
        (SCHEMA, "GRANT SELECT, UPDATE ON products", "GRANT SELECT ON products"),
    ),
    replace(
        "a stock that is read, counted down by the client and written back",
        "isolation",
        "race-breaks-invariant",
        (
            "transactions/order.sql",
            "UPDATE products SET stock = stock - 1 WHERE id = :product AND deleted_at IS NULL AND stock > 0;",
            "SELECT stock FROM products WHERE id = :product \\gset\nUPDATE products SET stock = :stock::integer - 1 WHERE id = :product;",
        ),
    ),
    replace(
        "an invariant that its own transactions break",
        "isolation",
        "invariant-fails-serially",
        (SCENARIO, "<> 100 -", "<> 99 -"),
    ),
    replace(
        "an anomaly that is expected and does not come",
        "isolation",
        "race-expectation-outdated",
        (SCENARIO, "\"read committed\" = \"holds\"", "\"read committed\" = \"breaks\""),
    ),
    replace(
        "a view that forgets the deleted rows",
        "soft-delete",
        "soft-deleted-visible",
        (SCHEMA, "FROM products WHERE deleted_at IS NULL;\n\nGRANT", "FROM products;\n\nGRANT"),
    ),
    append(
        "DELETE granted to the application",
        "soft-delete",
        "hard-delete-allowed",
        "GRANT DELETE ON products TO shop_app;",
    ),
    append(
        "a trigger that changes the row on soft delete",
        "soft-delete",
        "soft-restore-differs",
        "CREATE FUNCTION forget_stock() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.stock := 0; RETURN NEW; END $$;\n\
         CREATE TRIGGER products_forget BEFORE UPDATE OF deleted_at ON products FOR EACH ROW EXECUTE FUNCTION forget_stock();",
    ),
    replace(
        "a counter that forgets deletes",
        "read-model",
        "read-model-differs",
        (SCHEMA, "AFTER INSERT OR UPDATE OF product_id OR DELETE ON orders", "AFTER INSERT ON orders"),
    ),
    append(
        "TRUNCATE granted to the application",
        "roles",
        "role-too-powerful",
        "GRANT TRUNCATE ON orders TO shop_app;",
    ),
    append(
        "a table that a physical backup restores empty",
        "restore",
        "restore-differs",
        "CREATE UNLOGGED TABLE carts (id bigint PRIMARY KEY);\nINSERT INTO carts SELECT generate_series(1, 10);",
    ),
    append(
        "a table that no recovery brings back",
        "pitr",
        "recovery-differs",
        "CREATE UNLOGGED TABLE carts (id bigint PRIMARY KEY);\nINSERT INTO carts SELECT generate_series(1, 10);",
    ),
    append(
        "commits acknowledged before they are on the disk",
        "crash",
        "crash-loses-commits",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$;",
    ),
    replace(
        "a count in a table that a crash empties",
        "crash",
        "crash-breaks-invariant",
        (SCHEMA, "CREATE TABLE orders (", "CREATE UNLOGGED TABLE orders ("),
    ),
    append(
        "commits that wait for no standby",
        "failover",
        "failover-loses-commits",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = local', current_database()); END $$;",
    ),
    append(
        "a table that no standby has",
        "failover",
        "failover-differs",
        "CREATE UNLOGGED TABLE carts (id bigint PRIMARY KEY);\nINSERT INTO carts SELECT generate_series(1, 10);",
    ),
    append(
        "a check that pg_restore cannot create",
        "restore",
        "restore-fails",
        "CREATE FUNCTION known(wanted bigint) RETURNS boolean LANGUAGE sql AS \
         'SELECT EXISTS (SELECT FROM customers WHERE customers.id = wanted)';\n\
         CREATE TABLE notes (customer_id bigint NOT NULL CHECK (known(customer_id)));\n\
         INSERT INTO customers (email) VALUES ('zoe@example.org');\n\
         INSERT INTO notes SELECT max(id) FROM customers;",
    ),
    deploy(
        "an index built while orders come in",
        "index-build-blocks",
        "CREATE INDEX orders_created_at_idx ON orders (created_at);",
    ),
    deploy(
        "every row changed in one transaction",
        "long-row-locks",
        "UPDATE orders SET quantity = quantity + 1;",
    ),
    deploy(
        "a column renamed under a named query",
        "breaks-running-code",
        "ALTER VIEW live_products RENAME COLUMN stock TO pieces;",
    ),
    append(
        "a table that repeats what a reference says",
        "normal-form",
        "transitive-dependency",
        "CREATE TABLE parcels (id bigint PRIMARY KEY, depot_id bigint NOT NULL, depot_city text NOT NULL);\n\
         INSERT INTO parcels SELECT n, n % 20, 'city ' || n % 20 / 2 FROM generate_series(1, 400) AS n;",
    ),
    append("a search without its index", "search", "search-without-index", "DROP INDEX products_words_idx;"),
    replace(
        "pages that skip rows",
        "search",
        "paging-by-offset",
        ("queries/products.sql", "WHERE id > $1 ORDER BY id LIMIT 20", "ORDER BY id LIMIT 20 OFFSET $1"),
    ),
    append(
        "a number of distinct values that somebody made up",
        "statistics",
        "statistics-override-wrong",
        "ALTER TABLE orders ALTER COLUMN customer_id SET (n_distinct = 3);",
    ),
    append(
        "the same index twice",
        "indexes",
        "index-duplicate",
        "CREATE INDEX orders_customer_again_idx ON orders (customer_id);",
    ),
    replace(
        "a condition that no index serves",
        "plans",
        "plan-over-budget",
        ("queries/products.sql", "FROM orders WHERE id = $1", "FROM orders WHERE id + 0 = $1"),
    ),
    replace(
        "a budget that nobody can judge",
        "plans",
        "budget-not-understood",
        ("queries/products.sql", "buffers <= 6", "few buffers"),
    ),
];

/// How one check of the self-test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What was checked.
    pub what: String,
    /// The proof.
    pub proof: String,
    /// Why it failed; none when it passed.
    pub failure: Option<String>,
}

/// Runs every proof on the sound sample: each must be proven.
pub fn check_sound<'a>(
    installation: &'a Installation,
    events: &'a dyn EventSink,
) -> LocalBoxFuture<'a, Result<Vec<Checked>, LabError>> {
    Box::pin(async move {
        let report = run(None, installation, &[], events).await?;
        let checked = report.proofs.iter().map(|proof| {
            let failure = (proof.verdict != Verdict::Proven).then(|| {
                let finding = proof.findings.first().map(|finding| finding.message.clone());
                let reason = finding.or_else(|| proof.reason.clone()).unwrap_or_default();
                format!("it is {} on the sound project: {reason}", proof.verdict)
            });
            Checked { what: "the sound project".to_owned(), proof: proof.proof.clone(), failure }
        });
        Ok(checked.collect())
    })
}

/// Runs the mutation's proof on the mutated sample: it must be broken by the rule that is named.
pub fn check_mutation<'a>(
    mutation: &'a Mutation,
    installation: &'a Installation,
    events: &'a dyn EventSink,
) -> LocalBoxFuture<'a, Result<Checked, LabError>> {
    Box::pin(async move {
        let ran = run(Some(mutation), installation, &[mutation.proof.to_owned()], events).await;
        let checked =
            |failure| Checked { what: mutation.what.to_owned(), proof: mutation.proof.to_owned(), failure };
        let report = match ran {
            // A server that does not start says nothing about the proof; a project that is refused does.
            Err(error @ LabError::Project(_)) => return Ok(checked(Some(error.chain()))),
            ran => ran?,
        };
        let proof = report.proofs.first();
        let named =
            proof.is_some_and(|proof| proof.findings.iter().any(|finding| finding.rule == mutation.rule));
        let broken = proof.is_some_and(|proof| proof.verdict == Verdict::Broken);
        let failure = (!named || !broken).then(|| {
            let verdict = proof.map_or("absent", |proof| proof.verdict.word());
            let found: Vec<&str> = proof
                .into_iter()
                .flat_map(|proof| &proof.findings)
                .map(|finding| finding.rule.as_str())
                .collect();
            let reason = proof.and_then(|proof| proof.reason.clone()).unwrap_or_default();
            format!("expected {}; it is {verdict} with [{}]: {reason}", mutation.rule, found.join(", "))
        });
        Ok(checked(failure))
    })
}

async fn run(
    mutation: Option<&Mutation>,
    installation: &Installation,
    names: &[String],
    events: &dyn EventSink,
) -> Result<underpin_model::Report, LabError> {
    let folder =
        tempfile::tempdir().map_err(|error| LabError::file("making a folder for the sample", error))?;
    let root = camino::Utf8PathBuf::from(folder.path().to_string_lossy().into_owned());
    write(&SAMPLE, &root).map_err(|error| LabError::file("writing the sample", error))?;
    if let Some(mutation) = mutation {
        mutate(&root, mutation)?;
    }
    let project = crate::project_folder::load_project(&root)?;
    let selected = select(names).map_err(|unknown| LabError::Unexpected(unknown.to_string()))?;
    let options = ProveOptions {
        proofs: names.to_vec(),
        profile: RunProfile::Full,
        jobs: 2,
        lab: LabSpec { installation: installation.clone(), scale: 1, cache: None },
        bless: None,
    };
    Ok(prove(&project, &selected, &options, events).await?.report)
}

fn write(from: &Dir<'_>, folder: &Utf8Path) -> std::io::Result<()> {
    fs_err::create_dir_all(folder)?;
    for entry in from.entries() {
        let Some(name) = Utf8Path::from_path(entry.path()).and_then(Utf8Path::file_name) else { continue };
        match entry {
            DirEntry::Dir(dir) => write(dir, &folder.join(name))?,
            DirEntry::File(file) => fs_err::write(folder.join(name), file.contents())?,
        }
    }
    Ok(())
}

fn mutate(root: &Utf8Path, mutation: &Mutation) -> Result<(), LabError> {
    let path = root.join(mutation.file);
    let doing = |error| LabError::file("mutating the sample", error);
    let text = fs_err::read_to_string(&path).map_err(doing)?;
    let mutated = match mutation.from {
        Some(from) if text.contains(from) => text.replacen(from, mutation.to, 1),
        Some(from) => {
            return Err(LabError::Unexpected(format!("{} does not contain: {from}", mutation.file)));
        }
        None => format!("{text}\n{}\n", mutation.to),
    };
    fs_err::write(&path, mutated).map_err(doing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_proof_has_a_mutation_and_every_mutation_fits_the_sample() {
        for proof in crate::proofs::ALL {
            assert!(
                MUTATIONS.iter().any(|mutation| mutation.proof == proof.name),
                "{} has no mutation",
                proof.name
            );
        }
        for mutation in MUTATIONS {
            let file = SAMPLE.get_file(mutation.file).and_then(|file| file.contents_utf8()).unwrap();
            assert!(mutation.from.is_none_or(|from| file.contains(from)), "{}", mutation.what);
            assert!(
                crate::codes::all().iter().any(|page| page.code.rule == mutation.rule),
                "{}",
                mutation.rule
            );
        }
    }
}
