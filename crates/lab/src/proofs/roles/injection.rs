//! Strings that would be code if a parameter were pasted into SQL, and what betrays that one was.

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::project::{Param, Query};
use underpin_model::script::TransactionScript;
use underpin_model::sql_text::{quote_literal, quote_nullable, quote_qualified};
use underpin_model::{Code, Finding, ObjectRef};
use underpin_pg::Session;

use super::job::run_script;
use super::surface::{Argument, Function};
use crate::error::LabError;
use crate::params::{self, Values};
use crate::script_run::StepFault;

/// A value was read as SQL.
pub const REACHES: Code =
    Code::error("UP325", "injection-reaches-sql", "a parameter's value is executed as SQL");
/// A value changed data that others do not.
pub const CHANGES: Code = Code::error(
    "UP326",
    "injection-changes-data",
    "an injection string changes data that other values leave alone",
);

/// A setting that any role may set; it is set exactly when an injected call was executed.
const CANARY: &str = "underpin.injected";

/// A value without any meaning: what it writes, a hostile value may write too.
pub const CONTROL: &str = "underpin control";

/// Returns the hostile values. Each either sets the canary when executed, or breaks the syntax around it.
pub fn strings(table: &str) -> Vec<String> {
    let call = format!("set_config('{CANARY}', 'yes', false)");
    vec![
        format!("'; SELECT {call}; --"),
        format!("' || {call} || '"),
        format!("' OR {call} IS NOT NULL --"),
        format!("1; SELECT {call}; --"),
        format!("({call})"),
        format!("\"; SELECT {call}; --"),
        format!("$$; SELECT {call}; --"),
        format!("\\'; SELECT {call}; --"),
        format!("'; DROP TABLE {table} CASCADE; --"),
        format!("'; DELETE FROM {table}; --"),
        "' OR '1'='1".to_owned(),
        "%' OR 1=1 --".to_owned(),
        "\u{2019} OR \u{2019}1\u{2019}=\u{2019}1".to_owned(),
        "%I %L %s \\ / * ? {} []".to_owned(),
    ]
}

/// Returns whether a parameter of the type takes any text.
pub fn is_text(type_name: &str) -> bool {
    let plain = type_name.trim().to_lowercase();
    let word = plain.split(['(', ' ']).next().unwrap_or_default();
    let word = word.rsplit('.').next().unwrap_or_default();
    matches!(word, "text" | "varchar" | "character" | "citext" | "bpchar" | "name")
}

/// What a value did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that another value would not have done: success, or an error about data.
    Harmless,
    /// The canary was set.
    Executed,
    /// The server met it as code: the error.
    Syntax(String),
    /// Tables that the control value leaves alone were written.
    Wrote(Vec<String>),
}

/// What one call answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The canary was set.
    pub canary: bool,
    /// SQLSTATE and message of the refusal.
    pub error: Option<(String, String)>,
    /// Tables written.
    pub written: BTreeSet<String>,
}

/// Compares what a hostile value did with what harmless ones did.
pub fn judge(hostile: &Observed, usual: &BTreeSet<String>) -> Effect {
    if hostile.canary {
        return Effect::Executed;
    }
    if let Some((state, message)) = &hostile.error {
        return if is_sql_syntax(state, message) {
            Effect::Syntax(message.clone())
        } else {
            Effect::Harmless
        };
    }
    let new: Vec<String> = hostile.written.difference(usual).cloned().collect();
    if new.is_empty() { Effect::Harmless } else { Effect::Wrote(new) }
}

/// Tells an error of SQL's own scanner from those of small languages inside of values: a bad tsquery or
/// jsonpath has the same SQLSTATE.
fn is_sql_syntax(state: &str, message: &str) -> bool {
    const SCANNER: &[&str] =
        &["syntax error at or near", "syntax error at end of input", "unterminated", "trailing junk after"];
    state == "42601"
        && SCANNER.iter().any(|start| message.starts_with(start))
        && !message.contains("jsonpath")
}

/// Runs a query with the value in one parameter and rolls back.
pub async fn probe_query(
    session: &Session,
    query: &Query,
    (values, param): (&Values, &Param),
    value: &str,
) -> Result<Observed, LabError> {
    let mut values = values.clone();
    values.insert(param.name.clone(), Some(value.to_owned()));
    let statements = [params::prepare(query), params::execute(query, &values)];
    let observed = observe(session, &statements).await;
    session.execute("DEALLOCATE ALL").await?;
    observed
}

/// Calls a function with the value in one argument and rolls back.
pub async fn probe_function(
    session: &Session,
    function: &Function,
    at: usize,
    value: &str,
) -> Result<Observed, LabError> {
    observe(session, &[call(function, at, value)]).await
}

/// Returns the call with the value as one argument and plausible values as the others.
fn call(function: &Function, at: usize, value: &str) -> String {
    let argument = |(position, argument): (usize, &Argument)| {
        let text = if position == at { Some(value.to_owned()) } else { plausible(argument) };
        format!("{}::{}", quote_nullable(text.as_deref()), argument.type_name)
    };
    let arguments: Vec<String> = function.arguments.iter().enumerate().map(argument).collect();
    let name = quote_qualified(&function.schema, &function.name);
    let arguments = arguments.join(", ");
    if function.procedure {
        format!("CALL {name}({arguments})")
    } else {
        format!("SELECT FROM {name}({arguments})")
    }
}

fn plausible(argument: &Argument) -> Option<String> {
    let value = match (argument.category.as_str(), argument.type_name.as_str()) {
        ("N", _) => "1",
        ("S", _) => "example",
        ("B", _) => "true",
        ("A", _) => "{}",
        ("D", "time without time zone" | "time with time zone") => "12:00",
        ("D", _) => "2026-01-01",
        ("T", _) => "1 day",
        (_, "json" | "jsonb") => "{}",
        (_, "uuid") => "00000000-0000-0000-0000-000000000000",
        _ => return argument.label.clone(),
    };
    Some(value.to_owned())
}

/// Runs statements in a transaction that is rolled back, and watches what they touch.
async fn observe(session: &Session, statements: &[String]) -> Result<Observed, LabError> {
    session.execute("BEGIN").await?;
    let before = written(session).await?;
    let mut error = None;
    for sql in statements {
        match session.execute(sql).await {
            Ok(_) => {}
            Err(refusal) if refusal.ends_session() => return Err(refusal.into()),
            Err(refusal) => {
                error = Some(refusal.told());
                break;
            }
        }
    }
    let mut observed = Observed { error, ..Observed::default() };
    if observed.error.is_none() {
        observed.canary = canary(session).await?;
        let after = written(session).await?;
        let grew = |(name, rows): (&String, &i64)| (before.get(name) != Some(rows)).then(|| name.clone());
        observed.written = after.iter().filter_map(grew).collect();
    }
    session.execute("ROLLBACK").await?;
    Ok(observed)
}

async fn written(session: &Session) -> Result<BTreeMap<String, i64>, LabError> {
    let rows = session.rows(include_str!("written.sql")).await?;
    Ok(rows.iter().map(|row| (row.text("name").to_owned(), row.int("written").unwrap_or_default())).collect())
}

async fn canary(session: &Session) -> Result<bool, LabError> {
    let value = session.value(&format!("SELECT current_setting({}, true)", quote_literal(CANARY))).await?;
    Ok(value.as_deref() == Some("yes"))
}

/// Runs a script with the value as one of its variables, for real: scripts commit by themselves.
pub async fn probe_script(
    session: &Session,
    script: &TransactionScript,
    (values, param): (&Values, &Param),
    value: &str,
) -> Result<Observed, LabError> {
    let mut values = values.clone();
    values.insert(param.name.clone(), Some(value.to_owned()));
    let error = match run_script(session, script, values).await? {
        Err(StepFault::Refused { source, .. }) => Some(source.told()),
        _ => None,
    };
    let canary = canary(session).await?;
    if canary {
        session.execute(&format!("SELECT set_config({}, '', false)", quote_literal(CANARY))).await?;
    }
    Ok(Observed { canary, error, written: BTreeSet::new() })
}

/// Returns the finding about a value that did harm.
pub fn finding(object: ObjectRef, param: &str, value: &str, effect: &Effect) -> Option<Finding> {
    let quoted = quote_literal(value);
    let quoted = quoted.trim_start();
    let (code, fact) = match effect {
        Effect::Harmless => return None,
        Effect::Executed => (&REACHES, "the server executed the call inside of it".to_owned()),
        Effect::Syntax(message) => (&REACHES, format!("the server read it as SQL ({message})")),
        Effect::Wrote(tables) => {
            (&CHANGES, format!("it wrote {}, which other values leave alone", tables.join(", ")))
        }
    };
    let message = format!("The value {quoted} for {param} of the {object} is code: {fact}.");
    let hint =
        "In dynamic SQL pass values with EXECUTE … USING, names with format('%I'), never with || or '%s'.";
    Some(Finding::new(code, message).object(object).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(state: &str, message: &str) -> Observed {
        Observed { error: Some((state.into(), message.into())), ..Observed::default() }
    }

    #[test]
    fn what_betrays_code() {
        let usual = BTreeSet::from(["public.logins".to_owned()]);
        let wrote =
            |table: &str| Observed { written: BTreeSet::from([table.to_owned()]), ..Observed::default() };
        assert_eq!(judge(&Observed { canary: true, ..Observed::default() }, &usual), Effect::Executed);
        assert!(matches!(
            judge(&error("42601", "syntax error at or near \"DROP\""), &usual),
            Effect::Syntax(_)
        ));
        assert_eq!(judge(&error("42601", "syntax error in tsquery: \"'\""), &usual), Effect::Harmless);
        assert_eq!(judge(&error("23514", "violates check constraint"), &usual), Effect::Harmless);
        assert_eq!(judge(&wrote("public.logins"), &usual), Effect::Harmless);
        assert_eq!(judge(&wrote("public.users"), &usual), Effect::Wrote(vec!["public.users".into()]));
    }

    #[test]
    fn texts_are_told_by_their_type() {
        for text in ["text", "varchar(20)", "character varying", "public.citext", "TEXT"] {
            assert!(is_text(text), "{text}");
        }
        for other in ["uuid", "bigint", "jsonb", "timestamptz", "text[]"] {
            assert!(!is_text(other), "{other}");
        }
    }

    #[test]
    fn calls_have_plausible_other_arguments() {
        let argument = |type_name: &str, category: &str| Argument {
            type_name: type_name.into(),
            category: category.into(),
            label: None,
        };
        let function = Function {
            schema: "public".into(),
            name: "f".into(),
            arguments: vec![argument("bigint", "N"), argument("text", "S")],
            ..Function::default()
        };
        assert_eq!(call(&function, 1, "it's"), "SELECT FROM \"public\".\"f\"('1'::bigint, 'it''s'::text)");
    }
}
