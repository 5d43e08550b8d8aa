//! Drills: synchronous standbys lose nothing, asynchronous ones behind a cut link do, an open transaction lets tables
//! grow; and each drill says so.

use std::time::Duration;

use underpin_lab::drill::bloat::{Beside, bloat};
use underpin_lab::drill::crash::{Crash, CrashSpec, crash};
use underpin_lab::drill::failover::{Commit, Failover, FailoverSpec, Failure, failover};
use underpin_lab::drill::ground::Ground;

use crate::sample;

async fn drill(commit: Commit, failure: Failure) -> Failover {
    let installation = sample::installation();
    let spec = FailoverSpec {
        ground: Ground { installation: &installation, stock: None },
        commit,
        failure,
        load: Duration::from_millis(1_500),
        clients: 4,
    };
    let measured = failover(&spec).await.unwrap_or_else(|error| panic!("{}", error.chain()));
    assert!(measured.acknowledged > 20, "{measured:?}");
    assert!(measured.rejoined_rows > 0, "{measured:?}");
    measured
}

#[tokio::test]
async fn synchronous_standbys_lose_no_acknowledged_commit() {
    for _ in 0..3 {
        let measured = drill(Commit::Synchronous, Failure::Kill).await;
        assert_eq!((measured.lost, measured.holds), (0, true));
    }
    let cut = drill(Commit::Synchronous, Failure::Cut).await;
    assert_eq!((cut.lost, cut.holds), (0, true));
}

#[tokio::test]
async fn a_cut_link_loses_what_asynchronous_replication_acknowledged() {
    let healthy = drill(Commit::Asynchronous, Failure::Kill).await;
    assert!(healthy.holds, "{healthy:?}");
    let cut = drill(Commit::Asynchronous, Failure::Cut).await;
    assert!(!cut.holds && cut.lost > 0 && cut.rpo_ms >= 1_000, "{cut:?}");
}

#[tokio::test]
async fn an_open_transaction_lets_tables_grow_and_is_blamed() {
    let installation = sample::installation();
    let calm = bloat(&installation, Beside::Nobody, 5).await.unwrap();
    assert!(calm.growth < 3.0 && calm.blamed.is_empty(), "{calm:?}");
    assert!(calm.series.iter().all(|moment| moment.kept_dead == 0), "{calm:?}");
    let held = bloat(&installation, Beside::OpenTransaction, 5).await.unwrap();
    assert!(held.growth > calm.growth * 1.5, "{held:?}");
    assert_eq!(held.series.last().map(|moment| moment.kept_dead), Some(100_000));
    assert_eq!(held.after.kept_dead, 0);
    assert_eq!(held.blamed[..2], ["UP632", "open transaction"], "{:?}", held.blamed);
}
