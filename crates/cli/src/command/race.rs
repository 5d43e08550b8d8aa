//! `underpin race`: every interleaving of a scenario's transactions.

mod chosen;
mod told;
mod written;

use camino::Utf8PathBuf;
use clap::Args;
use underpin_lab::race::{
    Arena, Bout, Level, RaceError, RaceOptions, RaceVerdict, Ring, Schedule, evidence, explore, repairs,
    replay, steps,
};
use underpin_model::Evidence;
use underpin_pg::{Profile, Server, ServerSpec};

use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;

/// Run transactions side by side in every order that is possible
///
/// A scenario is a file of scenarios/, or a bare folder with setup.sql, t1.sql, t2.sql, … and
/// invariant.sql. Each schedule runs on real sessions of a private server; the invariant is checked on
/// the final state. Exit code 1: an invariant breaks where nothing else is expected, or does not break
/// where that is expected. Exit code 4: nothing broke, and --limit or --seconds ended before all was run.
#[derive(Debug, Args)]
pub struct RaceArgs {
    /// Scenario files or folders
    #[arg(value_name = "SCENARIO", required = true)]
    scenarios: Vec<Utf8PathBuf>,
    /// Isolation level; those of the scenario when absent
    #[arg(long, value_name = "LEVEL")]
    level: Vec<String>,
    /// Run every schedule, also those that only exchange steps that commute
    #[arg(long)]
    no_reduction: bool,
    /// Most schedules to run per level
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    limit: u64,
    /// Most seconds per level
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
    /// How often a transaction begins again after a serialization failure or a deadlock
    #[arg(long, value_name = "N", default_value_t = 0)]
    retry: u32,
    /// Explore deadlocks with each of their sessions as the victim, not only the one that closes the circle
    #[arg(long)]
    every_victim: bool,
    /// Try no repairs against an anomaly
    #[arg(long)]
    no_repairs: bool,
    /// Write a page of each scenario, and each anomaly as a specification for isolationtester
    #[arg(long, value_name = "DIR")]
    write: Option<Utf8PathBuf>,
    /// Run one schedule: a digit per step, such as 1122
    #[arg(long, value_name = "SCHEDULE", requires = "level", conflicts_with_all = ["no_reduction", "seconds", "retry", "write", "every_victim"])]
    replay: Option<String>,
}

/// Carries the command out.
pub async fn run(args: &RaceArgs, settings: &Settings) -> Result<u8, Fault> {
    if settings.explicit_database()?.is_some() {
        return Err(Fault::usage("A race runs on a private server, not on the database of --database-url.")
            .hint("Leave --database-url out: the scenario's setup makes what it needs."));
    }
    let levels = args.level.iter().map(|name| level(name)).collect::<Result<Vec<_>, _>>()?;
    let wanted = args.replay.as_deref().map(|text| {
        text.parse::<Schedule>()
            .map_err(|error| Fault::usage(format!("--replay {text} is no schedule.")).because(error))
    });
    let wanted = wanted.transpose()?;
    let (project, mut bouts) = chosen::bouts(&args.scenarios, settings)?;
    if !levels.is_empty() {
        bouts.iter_mut().for_each(|bout| bout.levels.clone_from(&levels));
    }
    super::sweep(settings);
    let spec = ServerSpec::new(settings.installation(project.as_ref())?, Profile::Fast, "race");
    let server = Server::start(spec).await.map_err(underpin_lab::LabError::from)?;
    let ring = Ring::prepare(server.address(), project.as_ref()).await.map_err(Fault::from)?;
    let options = RaceOptions {
        reduction: !args.no_reduction,
        limit: args.limit,
        seconds: args.seconds,
        retry: args.retry,
        first_anomaly: false,
        every_victim: args.every_victim,
    };
    let mut told = Told::default();
    for bout in &bouts {
        let fault = |error| told::fault(bout, error);
        let database = ring.database(bout).await.map_err(fault)?;
        let arena = Arena::prepare(&database, bout).await.map_err(fault)?;
        match &wanted {
            Some(schedule) => replayed(&arena, bout, schedule, (settings, &mut told)).await.map_err(fault)?,
            None => {
                let how = How { options: &options, ring: (!args.no_repairs).then_some(&ring) };
                let found = explored(&arena, bout, &how, (settings, &mut told)).await.map_err(fault)?;
                if let Some(folder) = &args.write {
                    written::write(&settings.folder().join(folder), bout, &found)?;
                }
            }
        }
        arena.close().await;
        ring.drop(&database).await.map_err(fault)?;
    }
    server.stop().await.map_err(underpin_lab::LabError::from)?;
    if settings.json() {
        let text = serde_json::to_string_pretty(&told.json)
            .map_err(|error| Fault::internal("writing the result as JSON").because(error))?;
        output::result(&text);
    }
    Ok(match told {
        Told { against: true, .. } => 1,
        Told { open: true, .. } => 4,
        _ => 0,
    })
}

/// What was told of all scenarios.
#[derive(Default)]
struct Told {
    /// Some verdict is against what is expected.
    against: bool,
    /// Some verdict is not known.
    open: bool,
    json: Vec<serde_json::Value>,
}

fn level(name: &str) -> Result<Level, Fault> {
    Level::named(name).ok_or_else(|| {
        Fault::usage(format!("There is no isolation level called {name}."))
            .hint("The levels are: read committed, repeatable read, serializable.")
    })
}

/// Runs one schedule at each level.
async fn replayed(
    arena: &Arena<'_>,
    bout: &Bout,
    wanted: &Schedule,
    (settings, told): (&Settings, &mut Told),
) -> Result<(), RaceError> {
    for level in &bout.levels {
        let shown = replay(arena, *level, wanted).await?;
        told.against |= !shown.violated.is_empty();
        if settings.json() {
            told.json.push(serde_json::json!({
                "scenario": bout.name,
                "level": level.name(),
                "schedule": shown.schedule.to_string(),
                "violated": shown.violated,
                "steps": steps(&shown.played),
            }));
        } else {
            told::replayed(bout, *level, &shown);
        }
    }
    Ok(())
}

/// How scenarios are explored.
struct How<'a> {
    options: &'a RaceOptions,
    /// Where repairs are tried; none to try none.
    ring: Option<&'a Ring>,
}

/// Explores every level, and returns what was found at each.
async fn explored(
    arena: &Arena<'_>,
    bout: &Bout,
    how: &How<'_>,
    (settings, told): (&Settings, &mut Told),
) -> Result<Vec<Evidence>, RaceError> {
    let mut found = Vec::new();
    if !settings.json() {
        told::title(bout);
    }
    for level in &bout.levels {
        let explored = explore(arena, *level, how.options).await?;
        let expected = bout.expected(*level);
        match explored.verdict().against(expected) {
            Some(against) => told.against |= against,
            None => told.open = true,
        }
        let repairs = match how.ring {
            Some(ring) if explored.verdict() == RaceVerdict::Breaks => {
                repairs(ring, bout, &explored, how.options).await?
            }
            _ => Vec::new(),
        };
        let evidence = evidence(bout, &explored, repairs);
        if settings.json() {
            told.json.push(serde_json::to_value(&evidence).unwrap_or_default());
        } else {
            told::explored(bout, &explored, &evidence, expected);
        }
        found.push(evidence);
    }
    Ok(found)
}
