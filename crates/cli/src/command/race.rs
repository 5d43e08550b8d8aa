//! `underpin race`: every interleaving of a scenario's transactions.

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use underpin_lab::race::{
    Arena, Bout, Explored, Level, RaceError, RaceOptions, Ring, Schedule, evidence, explore, from_folder,
    of_scenario, replay, steps,
};
use underpin_model::project::Project;
use underpin_model::{Evidence, EvidenceBody};
use underpin_pg::{Profile, Server, ServerSpec};
use underpin_report::schedule;

use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;

/// Run transactions side by side in every order that is possible
///
/// A scenario is a file of scenarios/, or a bare folder with setup.sql, t1.sql, t2.sql, … and
/// invariant.sql. Each schedule runs on real sessions of a private server; the invariant is checked on
/// the final state. Exit code 1: an invariant breaks where nothing else is expected.
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
    /// Run one schedule: a digit per step, such as 1122
    #[arg(long, value_name = "SCHEDULE", requires = "level")]
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
    let (project, mut bouts) = bouts(args, settings)?;
    if !levels.is_empty() {
        bouts.iter_mut().for_each(|bout| bout.levels.clone_from(&levels));
    }
    super::sweep(settings);
    let spec = ServerSpec::new(settings.installation(project.as_ref())?, Profile::Fast, "race");
    let server = Server::start(spec).await.map_err(underpin_lab::LabError::from)?;
    let ring = Ring::prepare(server.address(), project.as_ref()).await?;
    let options = RaceOptions { reduction: !args.no_reduction, limit: args.limit };
    let mut all = Vec::new();
    let mut broken = false;
    for bout in &bouts {
        let fault = |error| fault(bout, error);
        let database = ring.database(bout).await.map_err(fault)?;
        let arena = Arena::prepare(&database, bout).await.map_err(fault)?;
        match &wanted {
            Some(schedule) => broken |= replayed(&arena, bout, schedule, settings).await.map_err(fault)?,
            None => broken |= explored(&arena, bout, &options, (settings, &mut all)).await.map_err(fault)?,
        }
        arena.close().await;
        ring.drop(&database).await.map_err(fault)?;
    }
    server.stop().await.map_err(underpin_lab::LabError::from)?;
    if settings.json() {
        let text = serde_json::to_string_pretty(&all)
            .map_err(|error| Fault::internal("writing the result as JSON").because(error))?;
        output::result(&text);
    }
    Ok(u8::from(broken))
}

fn level(name: &str) -> Result<Level, Fault> {
    Level::named(name).ok_or_else(|| {
        Fault::usage(format!("There is no isolation level called {name}."))
            .hint("The levels are: read committed, repeatable read, serializable.")
    })
}

/// Reads the scenarios; a project is read once, when one of them belongs to it.
fn bouts(args: &RaceArgs, settings: &Settings) -> Result<(Option<Project>, Vec<Bout>), Fault> {
    let mut project = None;
    let mut bouts = Vec::new();
    for given in &args.scenarios {
        let path = settings.folder().join(given);
        if path.is_dir() {
            bouts.push(Bout { file: given.to_string(), ..from_folder(&path)? });
            continue;
        }
        if project.is_none() {
            project = Some(settings.project()?);
        }
        let Some(project) = &project else { continue };
        bouts.push(of_project(project, given, &path)?);
    }
    let bare = args.scenarios.iter().any(|given| settings.folder().join(given).is_dir());
    if bare && project.is_some() {
        return Err(Fault::usage("Bare folders and scenarios of a project cannot run in one command.")
            .hint("Run `underpin race` once for each kind."));
    }
    Ok((project, bouts))
}

fn of_project(project: &Project, given: &Utf8Path, path: &Utf8Path) -> Result<Bout, Fault> {
    let same = |file: &Utf8Path| {
        let file = project.root.join(file);
        file.canonicalize_utf8().ok() == path.canonicalize_utf8().ok() && file.exists()
    };
    let stem = |file: &Utf8Path| file.file_stem() == Some(given.as_str());
    let found = project.scenarios.iter().find(|one| same(&one.file) || stem(&one.file));
    found.map(|scenario| of_scenario(project, scenario)).ok_or_else(|| {
        let names: Vec<&str> = project.scenarios.iter().filter_map(|one| one.file.file_stem()).collect();
        let fault = Fault::usage(format!("{given} is no scenario of this project and no folder."));
        match names[..] {
            [] => fault.hint("The project has no scenarios/*.toml; see docs/scenarios.md."),
            _ => fault.hint(format!("The scenarios are: {}.", names.join(", "))),
        }
    })
}

/// Runs one schedule; true when an invariant fails after it.
async fn replayed(
    arena: &Arena<'_>,
    bout: &Bout,
    wanted: &Schedule,
    settings: &Settings,
) -> Result<bool, RaceError> {
    let mut broken = false;
    for level in &bout.levels {
        let shown = replay(arena, *level, wanted).await?;
        broken |= !shown.violated.is_empty();
        if !settings.json() {
            output::result(&format!("{} at {level}, schedule {}\n", bout.name, shown.schedule));
            output::result(&schedule::lines(&steps(&shown.played)));
            if !bout.invariants.is_empty() {
                output::result(&verdict_of(bout, &shown.violated));
            }
        }
    }
    Ok(broken)
}

fn verdict_of(bout: &Bout, violated: &[String]) -> String {
    match violated {
        [] if bout.invariants.is_empty() => {
            "No serial order gives these answers and this final state.".to_owned()
        }
        [] => "Every invariant holds afterwards.".to_owned(),
        some => format!("Broken afterwards: {}.", some.join(", ")),
    }
}

/// Explores every level; true when one breaks against what is expected.
async fn explored(
    arena: &Arena<'_>,
    bout: &Bout,
    options: &RaceOptions,
    (settings, all): (&Settings, &mut Vec<Evidence>),
) -> Result<bool, RaceError> {
    if !settings.json() {
        output::result(&format!("{}  ({})", bout.name, bout.file));
    }
    let mut unexpected = false;
    for level in &bout.levels {
        let explored = explore(arena, *level, options).await?;
        let breaks = explored.minimal.is_some() || explored.serial.is_some();
        // Without an invariant a difference is told and fails nothing, unless the scenario expects something.
        let fails = breaks && !bout.invariants.is_empty();
        let expected = bout.expect.iter().find(|(one, _)| one == level).map(|(_, holds)| *holds);
        unexpected |= expected.map_or(fails, |holds| holds == breaks);
        let evidence = evidence(bout, &explored);
        if !settings.json() {
            show(bout, &explored, &evidence, expected);
        }
        all.push(evidence);
    }
    Ok(unexpected)
}

fn show(bout: &Bout, explored: &Explored, evidence: &Evidence, expected: Option<bool>) {
    let EvidenceBody::Schedules(schedules) = &evidence.body else { return };
    let word = match (&explored.serial, &explored.minimal) {
        (Some(_), _) => "fails alone",
        (None, Some(_)) if bout.invariants.is_empty() => "differs",
        (None, Some(_)) => "breaks",
        (None, None) if !explored.exhausted => "not known",
        (None, None) => "holds",
    };
    let breaks = explored.minimal.is_some() || explored.serial.is_some();
    let remark = match expected {
        Some(holds) if holds == breaks => ", against what the scenario expects",
        Some(false) => ", as expected",
        _ => "",
    };
    output::result(&format!("  {:16} {word}{remark}: {}", schedules.level, schedule::sentence(schedules)));
    if let Some(serial) = &explored.serial {
        output::result(&format!("\n  Already one after the other ({}):\n", serial.schedule));
        output::result(&schedule::lines(&steps(&serial.played)));
        output::result(&format!("  {}\n", verdict_of(bout, &serial.violated)));
    } else if let Some(replay) = &schedules.replay {
        output::result("");
        output::result(&schedule::lines(&schedules.minimal));
        output::result(&format!("  {}", verdict_of(bout, &schedules.violated)));
        let again = format!("underpin race {} --level '{}' --replay {replay}", bout.file, schedules.level);
        output::result(&format!("  To see it again: {again}\n"));
    }
}

fn fault(bout: &Bout, error: RaceError) -> Fault {
    match error {
        RaceError::Lab(error) => error.into(),
        RaceError::Stuck { .. } | RaceError::Nondeterministic { .. } => {
            Fault::environment(format!("{error}.")).because(error)
        }
        error => Fault::usage(format!("The scenario {} cannot run.", bout.file)).because(error),
    }
}
