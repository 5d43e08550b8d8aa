//! Following every way through a script: variables are set before use, transactions begin and end.

use std::collections::BTreeSet;

use pg_query::protobuf::node::Node;
use underpin_model::script::{Piece, ScriptItem, ScriptStatement};
use underpin_model::statement::Verb;

use super::nest::with_null;
use super::{Fault, visit_items};
use crate::columns::{Columns, output_columns};
use crate::syntax;

/// Returns what goes wrong on some way through the items.
pub(super) fn check(items: &[ScriptItem], params: &BTreeSet<&str>) -> Vec<Fault> {
    let ever = assigned(items, params);
    let mut state = State {
        variables: params.iter().map(|&name| name.to_owned()).collect(),
        prefixes: BTreeSet::new(),
        transactions: BTreeSet::from([None]),
    };
    let mut walk = Walk { ever, faults: Vec::new() };
    walk.items(items, &mut state);
    for line in state.transactions.into_iter().flatten() {
        walk.faults.push(Fault::new(
            line,
            "The transaction that begins here does not end on every way.",
            "End it with `COMMIT;` or `ROLLBACK;`.",
        ));
    }
    walk.faults
}

/// Returns a fault for each `:name` of a known variable inside quotes.
pub(super) fn quoted(quoted: &[(String, u32)], items: &[ScriptItem], params: &BTreeSet<&str>) -> Vec<Fault> {
    let ever = assigned(items, params);
    let known = quoted.iter().filter(|(name, _)| ever.variables.contains(name));
    let fault = |(name, line): &(String, u32)| {
        let hint = format!("Take it out of the quotes: `'text ' || :{name}`.");
        Fault::new(
            *line,
            format!("The variable `:{name}` stands inside quotes, where no value can be bound."),
            hint,
        )
    };
    known.map(fault).collect()
}

/// What variables a script sets anywhere.
struct Assigned {
    variables: BTreeSet<String>,
    prefixes: BTreeSet<String>,
}

fn assigned(items: &[ScriptItem], params: &BTreeSet<&str>) -> Assigned {
    let mut all = Assigned {
        variables: params.iter().map(|&name| name.to_owned()).collect(),
        prefixes: BTreeSet::new(),
    };
    visit_items(items, &mut |item| match item {
        ScriptItem::Set { variable, .. } => {
            all.variables.insert(variable.clone());
        }
        ScriptItem::Statement(statement) => match gset_variables(statement) {
            Some(Ok(names)) => all.variables.extend(names),
            Some(Err(prefix)) => {
                all.prefixes.insert(prefix);
            }
            None => {}
        },
        ScriptItem::If { .. } => {}
    });
    all
}

/// Returns the variables that a statement's `\gset` sets, or their prefix when the text does not tell them.
fn gset_variables(statement: &ScriptStatement) -> Option<Result<Vec<String>, String>> {
    let prefix = statement.gset.as_ref()?;
    Some(match output_columns(&with_null(&statement.pieces)) {
        Ok(Columns::Named(names)) => Ok(names.iter().map(|name| format!("{prefix}{name}")).collect()),
        _ => Err(prefix.clone()),
    })
}

/// What holds at a point of the script, on all ways to it.
#[derive(Clone)]
struct State {
    /// Set on every way.
    variables: BTreeSet<String>,
    /// Prefixes of variables that may be set, by a `\gset` of unknown columns.
    prefixes: BTreeSet<String>,
    /// The lines of the BEGINs that may be open; `None` for a way without one.
    transactions: BTreeSet<Option<u32>>,
}

impl State {
    fn join(&mut self, other: State) {
        self.variables.retain(|name| other.variables.contains(name));
        self.prefixes.extend(other.prefixes);
        self.transactions.extend(other.transactions);
    }
}

struct Walk {
    ever: Assigned,
    faults: Vec<Fault>,
}

impl Walk {
    fn items(&mut self, items: &[ScriptItem], state: &mut State) {
        for item in items {
            match item {
                ScriptItem::Statement(statement) => self.statement(statement, state),
                ScriptItem::Set { variable, expression, line } => {
                    self.uses(&expression.variables(), *line, state);
                    state.variables.insert(variable.clone());
                }
                ScriptItem::If { branches, otherwise, line } => {
                    for (condition, _) in branches {
                        self.uses(&condition.variables(), *line, state);
                    }
                    let before = state.clone();
                    self.items(otherwise, state);
                    for (_, items) in branches {
                        let mut branch = before.clone();
                        self.items(items, &mut branch);
                        state.join(branch);
                    }
                }
            }
        }
    }

    fn statement(&mut self, statement: &ScriptStatement, state: &mut State) {
        let variables: Vec<&str> = statement
            .pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Variable(name) => Some(name.as_str()),
                Piece::Text(_) => None,
            })
            .collect();
        self.uses(&variables, statement.line, state);
        self.transaction(statement, state);
        match gset_variables(statement) {
            Some(Ok(names)) => state.variables.extend(names),
            Some(Err(prefix)) => {
                state.prefixes.insert(prefix);
            }
            None => {}
        }
    }

    fn uses(&mut self, names: &[&str], line: u32, state: &mut State) {
        for &name in names {
            let may_be_set = state.prefixes.iter().any(|prefix| name.starts_with(prefix));
            // Inserted so that each variable is reported once.
            if may_be_set || !state.variables.insert(name.to_owned()) {
                continue;
            }
            let somewhere = self.ever.variables.contains(name)
                || self.ever.prefixes.iter().any(|prefix| name.starts_with(prefix));
            let message = match somewhere {
                true => format!("The variable `:{name}` is used before it is set on some way to here."),
                false => format!("The variable `:{name}` is never set."),
            };
            let hint = format!(
                "Declare it with `-- param: {name} TYPE`, or set it before with `\\set` or `\\gset`."
            );
            self.faults.push(Fault::new(line, message, hint));
        }
    }

    fn transaction(&mut self, statement: &ScriptStatement, state: &mut State) {
        let line = statement.line;
        match statement.facts.verb {
            Verb::Begin => {
                if let Some(outer) = state.transactions.iter().flatten().next() {
                    let message = format!("A transaction begins inside the one of line {outer}.");
                    self.faults.push(Fault::new(line, message, "Use `SAVEPOINT` inside a transaction."));
                }
                state.transactions = BTreeSet::from([Some(line)]);
            }
            Verb::Commit | Verb::Rollback => {
                if state.transactions.contains(&None) {
                    let message = "A transaction ends here that does not begin on every way.";
                    self.faults.push(Fault::new(line, message, "Write `BEGIN;` before the first statement."));
                }
                state.transactions = BTreeSet::from([is_chained(statement).then_some(line)]);
            }
            _ => {}
        }
    }
}

/// Returns whether the statement begins the next transaction at once (`COMMIT AND CHAIN`).
fn is_chained(statement: &ScriptStatement) -> bool {
    matches!(syntax::tree(&statement.source()), Ok(Some(Node::TransactionStmt(end))) if end.chain)
}
