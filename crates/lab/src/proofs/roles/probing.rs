//! Passes hostile strings to every text parameter of queries, functions and transactions.

use std::collections::BTreeSet;

use underpin_model::{Evidence, Finding, ObjectKind, ObjectRef};

use super::Stage;
use super::injection::{self, CONTROL, Effect, Observed, is_text, judge};
use super::job::Sessions;
use super::surface::{Function, Surface};
use crate::error::LabError;
use crate::params;

/// What hostile strings did to one parameter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Probed {
    /// Query, function or transaction with the parameter.
    pub label: String,
    /// Strings passed.
    pub tried: usize,
    /// Those that were refused as bad data.
    pub refused: usize,
    /// Harm that was seen; one finding per parameter is enough.
    pub findings: Vec<Finding>,
}

impl Probed {
    fn new(object: &ObjectRef, param: &str) -> Probed {
        Probed { label: format!("{object}, {param}"), ..Probed::default() }
    }

    fn add(
        &mut self,
        object: &ObjectRef,
        (param, value): (&str, &str),
        observed: &Observed,
        effect: &Effect,
    ) {
        self.tried += 1;
        self.refused += usize::from(observed.error.is_some());
        if self.findings.is_empty() {
            self.findings.extend(injection::finding(object.clone(), param, value, effect));
        }
    }
}

/// Probes everything that can be rolled back.
pub async fn queries_and_functions(
    stage: &Stage<'_>,
    sessions: &mut Sessions<'_>,
    surface: &Surface,
) -> Result<Vec<Probed>, LabError> {
    let strings = injection::strings(&first_table(surface));
    let mut all = Vec::new();
    for query in &stage.experiment.project.queries {
        let session = sessions.of(stage.role_of(&query.role)).await?;
        let object = ObjectRef::new(ObjectKind::Query, &query.name);
        for param in query.params.iter().filter(|param| is_text(&param.type_name)) {
            let values = params::evaluate(stage.superuser, &query.name, &query.params).await?;
            let own = values.get(&param.name).cloned().flatten().unwrap_or_default();
            let mut usual = BTreeSet::new();
            for harmless in [own.as_str(), CONTROL] {
                usual.extend(
                    injection::probe_query(session, query, (&values, param), harmless).await?.written,
                );
            }
            let mut probed = Probed::new(&object, &param.name);
            for value in &strings {
                let observed = injection::probe_query(session, query, (&values, param), value).await?;
                probed.add(&object, (&param.name, value), &observed, &judge(&observed, &usual));
            }
            all.push(probed);
        }
    }
    all.extend(functions(stage, sessions, (surface, &strings)).await?);
    Ok(all)
}

fn first_table(surface: &Surface) -> String {
    surface
        .relations
        .iter()
        .find(|relation| relation.table)
        .map_or_else(|| "users".to_owned(), |table| table.quoted())
}

/// Probes the functions that the application role may call.
async fn functions(
    stage: &Stage<'_>,
    sessions: &mut Sessions<'_>,
    (surface, strings): (&Surface, &[String]),
) -> Result<Vec<Probed>, LabError> {
    let callable = |function: &&Function| function.executable && !function.trigger;
    let mut all = Vec::new();
    for function in surface.functions.iter().filter(callable) {
        let session = sessions.of(stage.role).await?;
        let object = ObjectRef::in_schema(ObjectKind::Function, &function.schema, &function.name);
        for (at, argument) in function.arguments.iter().enumerate().filter(|(_, one)| is_text(&one.type_name))
        {
            let param = format!("argument {} ({})", at + 1, argument.type_name);
            let usual = injection::probe_function(session, function, at, CONTROL).await?.written;
            let mut probed = Probed::new(&object, &param);
            probed.label = format!("function {}, {param}", function.label());
            for value in strings {
                let observed = injection::probe_function(session, function, at, value).await?;
                probed.add(&object, (&param, value), &observed, &judge(&observed, &usual));
            }
            all.push(probed);
        }
    }
    Ok(all)
}

/// Probes the transaction scripts, which commit by themselves.
pub async fn scripts(
    stage: &Stage<'_>,
    sessions: &mut Sessions<'_>,
    surface: &Surface,
) -> Result<Vec<Probed>, LabError> {
    let strings = injection::strings(&first_table(surface));
    let mut all = Vec::new();
    for script in &stage.experiment.project.transactions {
        let session = sessions.of(stage.role_of(&script.role)).await?;
        let object = ObjectRef::new(ObjectKind::Transaction, &script.name);
        for param in script.params.iter().filter(|param| is_text(&param.type_name)) {
            let mut probed = Probed::new(&object, &param.name);
            for value in &strings {
                let values = params::evaluate(stage.superuser, &script.name, &script.params).await?;
                let observed = injection::probe_script(session, script, (&values, param), value).await?;
                // What a script writes for real depends on its values; only code that was executed counts here.
                probed.add(&object, (&param.name, value), &observed, &judge(&observed, &BTreeSet::new()));
            }
            all.push(probed);
        }
    }
    Ok(all)
}

/// Returns one row per parameter.
pub fn evidence(probed: &[Probed]) -> Evidence {
    let row = |one: &Probed| {
        let harm = if one.findings.is_empty() { "none" } else { "FOUND" };
        vec![one.label.clone(), one.tried.to_string(), one.refused.to_string(), harm.to_owned()]
    };
    let columns = ["parameter", "strings", "refused as data", "harm"];
    Evidence::table(
        "injection",
        "Injection strings as parameters",
        &columns,
        probed.iter().map(row).collect(),
    )
}
