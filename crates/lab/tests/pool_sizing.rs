//! `pool`: the size that is read from the curve holds against the sweep, and a wrong one does not.

use std::time::Duration;

use underpin_lab::lab::LabSpec;
use underpin_lab::pool::{Pool, PoolSpec, pool};
use underpin_model::event::Silent;

use crate::sample;
use crate::storming::pgbouncer;

/// Each call keeps its connection for 10 ms and no processor: four connections get four times as much done as one, on
/// any machine, busy or not.
const WAITING: &[(&str, &str)] = &[
    ("migrations/001_init.sql", "CREATE TABLE notes (id int PRIMARY KEY);"),
    ("queries/wait.sql", "-- name: waits\n-- rate: 10/s\nSELECT pg_sleep(0.01);\n"),
];

async fn sized(size: Option<u32>) -> Option<Pool> {
    let sample = sample::project(WAITING);
    let lab =
        LabSpec { installation: sample::installation(), scale: 1, cache: Some(sample.cache().to_owned()) };
    let spec = PoolSpec {
        project: &sample.project,
        lab: &lab,
        pgbouncer: pgbouncer()?,
        clients: 100,
        rate: None,
        think: Duration::from_secs(1),
        sizes: vec![1, 4],
        window: Duration::from_millis(300),
        rounds: 1,
        size,
    };
    Some(pool(&spec, &Silent).await.unwrap_or_else(|error| panic!("{}", error.chain())))
}

#[tokio::test]
async fn a_wrong_size_turns_the_sweep_broken_and_the_advised_one_holds() {
    let Some(wrong) = sized(Some(1)).await else { return };
    assert!(!wrong.holds && wrong.part_of_best < 0.5, "{:?}", wrong.sweep);
    assert_eq!((wrong.advice.size, wrong.advice.knee, wrong.best.size), (1, 4, 4));
    let codes: Vec<&str> = wrong.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["UP765"]);
    assert_eq!(wrong.findings[0].hint.as_deref(), Some("default_pool_size = 4"));
    let advised = sized(None).await.unwrap();
    assert!(advised.holds && advised.findings.is_empty(), "{:?}", advised.sweep);
    assert_eq!(advised.advice.size, 4);
    // Counted on the pooler's processor, whatever else the machine does: 4 096 rounds of a hash against none.
    let logins = advised.logins.unwrap();
    assert!(logins.ratio() > 2.0, "{logins:?}");
}
