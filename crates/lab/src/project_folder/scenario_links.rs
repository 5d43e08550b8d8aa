//! Whether the transactions, parameters and invariants that scenarios name exist.

use underpin_model::project::{Diagnostic, Project, Scenario};

/// Returns a fault for every name in a scenario that nothing in the project has.
pub(super) fn dangling(project: &Project) -> Vec<Diagnostic> {
    project.scenarios.iter().flat_map(|scenario| of(project, scenario)).collect()
}

fn of(project: &Project, scenario: &Scenario) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    let mut missing = |kind: &str, name: &str, there: Vec<&str>| {
        let fault = Diagnostic::new(&scenario.file, format!("There is no {kind} called {name}."));
        let list = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        faults.push(fault.hint(format!("There are: {list}.")));
    };
    for run in &scenario.run {
        let Some(script) = project.transactions.iter().find(|script| script.name == run.transaction) else {
            let there = project.transactions.iter().map(|script| script.name.as_str()).collect();
            missing("transaction", &run.transaction, there);
            continue;
        };
        let known: Vec<&str> = script.params.iter().map(|param| param.name.as_str()).collect();
        for (name, _) in run.params.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            missing(&format!("parameter of {}", script.name), name, known.clone());
        }
    }
    let known: Vec<&str> = project.invariants.iter().map(|one| one.name.as_str()).collect();
    for name in scenario.invariants.iter().filter(|text| is_name(text) && !known.contains(&text.as_str())) {
        missing("invariant", name, known.clone());
    }
    faults
}

/// Returns whether the text is a name; anything with a blank is SQL.
fn is_name(text: &str) -> bool {
    !text.trim().contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use underpin_model::project::ScenarioRun;

    #[test]
    fn names_without_an_object_are_faults_and_sql_is_none() {
        let run = ScenarioRun { transaction: "enrol".into(), params: vec![] };
        let scenario = Scenario {
            name: "race".into(),
            file: "scenarios/race.toml".into(),
            setup: String::new(),
            empty: false,
            run: vec![run],
            invariants: vec!["seats".into(), "SELECT 1 WHERE false".into()],
            levels: vec![],
            expect: vec![],
        };
        let project = Project { scenarios: vec![scenario], ..Project::default() };
        let faults: Vec<String> = dangling(&project).into_iter().map(|fault| fault.message).collect();
        assert_eq!(faults, ["There is no transaction called enrol.", "There is no invariant called seats."]);
    }
}
