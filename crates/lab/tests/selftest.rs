//! The self-test of each proof: proven on the sound sample, broken by the named rule on every mutation of it.

use underpin_lab::selftest::{MUTATIONS, check_mutation, check_sound};
use underpin_model::event::Silent;

use crate::sample;

/// Runs every mutation of one proof and returns those that it did not notice.
fn missed(proof: &str) -> Vec<String> {
    let installation = sample::installation();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mutations = MUTATIONS.iter().filter(|mutation| mutation.proof == proof);
    let checks = mutations.map(|mutation| {
        runtime
            .block_on(check_mutation(mutation, &installation, &Silent))
            .unwrap_or_else(|error| panic!("{}", error.chain()))
    });
    checks.filter_map(|one| Some(format!("{}: {}", one.what, one.failure?))).collect()
}

#[test]
fn the_sound_sample_is_proven_by_every_proof() {
    let installation = sample::installation();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let checks = runtime
        .block_on(check_sound(&installation, &Silent))
        .unwrap_or_else(|error| panic!("{}", error.chain()));
    let failed: Vec<_> = checks.into_iter().filter(|one| one.failure.is_some()).collect();
    assert_eq!(failed, []);
}

macro_rules! notices_its_mutations {
    ($($name:ident: $proof:literal;)*) => {
        $(#[test]
        fn $name() {
            assert_eq!(missed($proof), [""; 0]);
        })*
    };
}

notices_its_mutations! {
    replay_notices: "replay";
    seed_notices: "seed";
    constraints_notices: "constraints";
    schema_notices: "schema";
    atomicity_notices: "atomicity";
    isolation_notices: "isolation";
    soft_delete_notices: "soft-delete";
    read_model_notices: "read-model";
    roles_notices: "roles";
    restore_notices: "restore";
    pitr_notices: "pitr";
    crash_notices: "crash";
    failover_notices: "failover";
    migrations_notices: "migrations";
    plans_notices: "plans";
    indexes_notices: "indexes";
    statistics_notices: "statistics";
    normal_form_notices: "normal-form";
    search_notices: "search";
}
