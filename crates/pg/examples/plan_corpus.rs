//! Explains the statements of the corpus and prints a plan per line: `cargo run -p underpin-pg --example plan_corpus --
//! [FOLDER OF A SERVER'S PROGRAMS] > crates/plan/tests/corpus/plans-18.jsonl`.
//!
//! Each statement is explained with the options that `underpin` uses, and again under settings that lead to other plans (other
//! joins, no index, workers, little memory) and other options; a plan of a shape that the statement had before is left out.
//! The JSON is the server's own, white space apart.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is its purpose")]

use std::collections::BTreeSet;
use std::error::Error;

use underpin_pg::{Profile, Search, Server, ServerSpec, Session, choose_installation};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../plan/tests/corpus");

const OPTIONS: &str = "ANALYZE, VERBOSE, BUFFERS, WAL, SETTINGS, TIMING OFF, FORMAT JSON";

/// Every so many statements also have plans that differ in their options only.
const OTHER_OPTIONS: usize = 6;

/// Name, settings, options of EXPLAIN.
const VARIANTS: &[(&str, &str, &str)] = &[
    ("plain", "max_parallel_workers_per_gather = 0; jit = off", OPTIONS),
    ("estimated", "max_parallel_workers_per_gather = 0", "FORMAT JSON"),
    (
        "nested loops",
        "enable_hashjoin = off; enable_mergejoin = off; max_parallel_workers_per_gather = 0",
        OPTIONS,
    ),
    (
        "merge joins",
        "enable_hashjoin = off; enable_nestloop = off; max_parallel_workers_per_gather = 0",
        OPTIONS,
    ),
    (
        "no indexes",
        "enable_indexscan = off; enable_indexonlyscan = off; enable_bitmapscan = off; max_parallel_workers_per_gather = 0",
        OPTIONS,
    ),
    (
        "little memory",
        "work_mem = '64kB'; hash_mem_multiplier = 1; max_parallel_workers_per_gather = 0; enable_indexscan = off",
        OPTIONS,
    ),
    (
        "workers",
        "parallel_setup_cost = 0; parallel_tuple_cost = 0; min_parallel_table_scan_size = 0; min_parallel_index_scan_size = 0; \
         max_parallel_workers_per_gather = 2; enable_partitionwise_join = on; enable_partitionwise_aggregate = on",
        "ANALYZE, VERBOSE, BUFFERS, SETTINGS, FORMAT JSON",
    ),
    (
        "any values",
        "plan_cache_mode = force_generic_plan; enable_seqscan = off",
        "ANALYZE, COSTS OFF, FORMAT JSON",
    ),
    (
        "memory and serialization",
        "max_parallel_workers_per_gather = 0; enable_sort = off",
        "ANALYZE, BUFFERS, MEMORY, SERIALIZE TEXT, FORMAT JSON",
    ),
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let explicit = std::env::args().nth(1);
    let path_var = std::env::var("PATH").ok();
    let installation = choose_installation(&Search { path_var, explicit, ..Search::default() })?;
    let server = Server::start(ServerSpec::new(installation, Profile::Fast, "corpus")).await?;
    let session = Session::connect(&server.address()).await?;
    session.execute(&std::fs::read_to_string(format!("{FOLDER}/schema.sql"))?).await?;
    session.execute("VACUUM (ANALYZE)").await?;
    session
        .execute(
            "PREPARE by_city (text, int) AS SELECT c.id, o.id FROM customers AS c JOIN orders AS o ON o.customer_id = c.id \
             WHERE c.city = $1 LIMIT $2;\n\
             PREPARE page (bigint) AS SELECT id, total FROM orders WHERE id > $1 ORDER BY id LIMIT 10",
        )
        .await?;
    let text = std::fs::read_to_string(format!("{FOLDER}/queries.sql"))?;
    let (mut plans, mut refused) = (0, Vec::new());
    for (place, part) in text.split("-- name: ").skip(1).enumerate() {
        let (name, statement) = part.split_once('\n').unwrap_or((part, ""));
        let mut shapes = BTreeSet::new();
        let others = VARIANTS.len() - 1;
        // Each statement begins with other settings, so that all have their turn.
        let turn = (0..others).map(|step| 1 + (place + step) % others);
        for (variant, settings, options) in [0].into_iter().chain(turn).map(|at| &VARIANTS[at]) {
            if shapes.len() >= if place % OTHER_OPTIONS == 0 { 5 } else { 2 } {
                break;
            }
            let statement = format!("({options}) {}", statement.trim());
            let Some(plan) = explained(&session, settings, &statement).await? else {
                refused.push(format!("{name} ({variant})"));
                continue;
            };
            // Other options print the same trees with other fields: some statements are enough to see those.
            let shape = match place % OTHER_OPTIONS {
                0 => format!("{} {options}", shape(&plan)),
                _ => shape(&plan),
            };
            if shapes.insert(shape) {
                println!("{{\"name\":\"{name}\",\"variant\":\"{variant}\",\"plan\":{plan}}}");
                plans += 1;
            }
        }
    }
    eprintln!("{plans} plans; {} refused: {}", refused.len(), refused.join(", "));
    session.close().await;
    Ok(server.stop().await?)
}

/// Returns the plan on one line; nothing when the server refuses the statement or the options.
async fn explained(
    session: &Session,
    settings: &str,
    statement: &str,
) -> Result<Option<String>, Box<dyn Error>> {
    let set: String = settings.split("; ").map(|one| format!("SET LOCAL {one};\n")).collect();
    let answer = session.value(&format!("BEGIN;\n{set}EXPLAIN {statement};\nROLLBACK")).await;
    match answer {
        Ok(plan) => Ok(plan.map(|plan| compact(&plan))),
        Err(error) if error.ends_session() => Err(error.into()),
        Err(_) => {
            session.execute("ROLLBACK").await?;
            Ok(None)
        }
    }
}

/// Takes white space between the words of a JSON text away; what stands in quotes stays.
fn compact(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let kept = json.chars().filter(|letter| {
        let keep = quoted || !letter.is_whitespace();
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        keep
    });
    kept.collect()
}

/// Returns the kinds of nodes in order, with what distinguishes those of one kind.
fn shape(plan: &str) -> String {
    let labels = [
        "\"Node Type\":",
        "\"Strategy\":",
        "\"Join Type\":",
        "\"Partial Mode\":",
        "\"Scan Direction\":",
        "\"Sort Space Type\":",
    ];
    plan.split(',')
        .filter(|part| labels.iter().any(|label| part.contains(label)))
        .collect::<Vec<_>>()
        .join(",")
}
