//! Building the tree of a script's items from its flat parts.

use underpin_model::expression::Expression;
use underpin_model::script::{Piece, ScriptItem, ScriptStatement};
use underpin_model::statement::StatementFacts;

use super::Fault;
use super::read::Part;
use crate::columns::{Columns, output_columns};
use crate::expression;
use crate::facts::statement_facts;
use crate::lexer::is_variable_name;

/// Returns the items of a script, and every fault in its commands and statements.
pub(super) fn nest(parts: Vec<Part>) -> (Vec<ScriptItem>, Vec<Fault>) {
    if let Some(line) = too_deep(&parts) {
        let hint = "Write a script per case instead.";
        return (Vec::new(), vec![Fault::new(line, "The `\\if`s nest too deeply.", hint)]);
    }
    let mut nest = Nest::default();
    let mut after_statement = false;
    for part in parts {
        let is_statement = matches!(part, Part::Statement { .. });
        let outcome = match part {
            Part::Statement { pieces, line } => nest.statement(pieces, line),
            Part::Command { name, arguments, line } => match name.as_str() {
                "gset" if !after_statement => Err(Fault::new(line, "`\\gset` follows no statement.", GSET)),
                "gset" => nest.gset(&arguments, line),
                _ => nest.command(&name, &arguments, line),
            },
        };
        nest.faults.extend(outcome.err());
        after_statement = is_statement;
    }
    nest.finish()
}

/// `\if`s nest this deep at most; more is no script that somebody wrote, and could exhaust the stack.
const MOST_DEPTH: usize = 50;

fn too_deep(parts: &[Part]) -> Option<u32> {
    let mut depth = 0_usize;
    parts.iter().find_map(|part| {
        let Part::Command { name, line, .. } = part else { return None };
        match name.as_str() {
            "if" => depth += 1,
            "endif" => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth > MOST_DEPTH).then_some(*line)
    })
}

const GSET: &str = "Write it after a statement that returns one row: `SELECT … AS name \\gset`.";
const UNDERSTOOD: &str = "Understood are \\set, \\gset, \\if, \\elif, \\else and \\endif.";

#[derive(Default)]
struct Nest {
    items: Vec<ScriptItem>,
    /// The `\if`s around, outermost first, each with the items before it.
    outer: Vec<(OpenIf, Vec<ScriptItem>)>,
    faults: Vec<Fault>,
}

struct OpenIf {
    line: u32,
    branches: Vec<(Expression, Vec<ScriptItem>)>,
    /// The condition of the branch that is being read; `None` after `\else`.
    condition: Option<Expression>,
}

impl Nest {
    fn statement(&mut self, pieces: Vec<Piece>, line: u32) -> Result<(), Fault> {
        let read = statement_facts(&with_null(&pieces));
        let (facts, fault) = match read {
            Ok(facts) => (facts, None),
            Err(error) => {
                // A variable has become NULL, so NULL is what the grammar complains about.
                let names_variable = error.message.contains("\"NULL\"") && !has_null(&pieces);
                let hint = match names_variable {
                    true => {
                        "A variable can only stand where a value can, as in pgbench -M extended; \
                             for SET use `SELECT set_config('name', :variable, true)`."
                    }
                    false => "Write it as PostgreSQL reads it, and end every statement with `;`.",
                };
                let message = format!("PostgreSQL does not understand this: {}.", error.message);
                (StatementFacts::default(), Some(Fault::new(line + error.line - 1, message, hint)))
            }
        };
        self.items.push(ScriptItem::Statement(ScriptStatement { pieces, line, facts, gset: None }));
        fault.map_or(Ok(()), Err)
    }

    fn gset(&mut self, prefix: &str, line: u32) -> Result<(), Fault> {
        let Some(ScriptItem::Statement(statement)) = self.items.last_mut() else {
            return Err(Fault::new(line, "`\\gset` follows no statement.", GSET));
        };
        if !prefix.is_empty() && !is_variable_name(prefix) {
            let message = format!("`{prefix}` cannot begin the name of a variable.");
            return Err(Fault::new(line, message, "Write `\\gset` or `\\gset PREFIX`."));
        }
        statement.gset = Some(prefix.to_owned());
        let sql = with_null(&statement.pieces);
        match output_columns(&sql) {
            Ok(Columns::None) => {
                Err(Fault::new(line, "`\\gset` follows a statement that returns no row.", GSET))
            }
            Ok(Columns::Named(names)) => {
                match names.iter().find(|name| !is_variable_name(&format!("{prefix}{name}"))) {
                    None => Ok(()),
                    Some(name) => Err(Fault::new(
                        line,
                        format!("The column `{name}` cannot become a variable."),
                        "Give the column a name of letters, digits and underscores: `expression AS name`.",
                    )),
                }
            }
            _ => Ok(()),
        }
    }

    fn command(&mut self, name: &str, arguments: &str, line: u32) -> Result<(), Fault> {
        match name {
            "set" => self.set(arguments, line),
            "if" => {
                let condition = condition(name, arguments, line, &mut self.faults);
                let before = std::mem::take(&mut self.items);
                self.outer.push((OpenIf { line, branches: Vec::new(), condition: Some(condition) }, before));
                Ok(())
            }
            "elif" => {
                let condition = condition(name, arguments, line, &mut self.faults);
                self.next_branch(name, Some(condition), line)
            }
            "else" => self.next_branch(name, None, line),
            "endif" => {
                let (open, before) = self.outer.pop().ok_or_else(|| without_if(name, line))?;
                let last = std::mem::replace(&mut self.items, before);
                self.items.push(open.close(last));
                Ok(())
            }
            _ => Err(unknown(name, line)),
        }
    }

    fn set(&mut self, arguments: &str, line: u32) -> Result<(), Fault> {
        let (variable, text) = arguments.split_once(char::is_whitespace).unwrap_or((arguments, ""));
        if !is_variable_name(variable) {
            let message = format!("`{variable}` is no name of a variable.");
            return Err(Fault::new(line, message, "Write `\\set NAME EXPRESSION`."));
        }
        let parsed = expression::parse(text);
        // The variable counts as set even so, or every use of it would be a fault as well.
        let expression = parsed.as_ref().map_or(Expression::Null, Clone::clone);
        self.items.push(ScriptItem::Set { variable: variable.to_owned(), expression, line });
        parsed.map(drop).map_err(|error| bad_expression("set", &error.message, line))
    }

    fn next_branch(&mut self, name: &str, condition: Option<Expression>, line: u32) -> Result<(), Fault> {
        let Some((open, _)) = self.outer.last_mut() else { return Err(without_if(name, line)) };
        let Some(current) = open.condition.take() else {
            let message = format!("`\\{name}` follows the `\\else` of the same `\\if`.");
            return Err(Fault::new(line, message, "`\\else` is the last branch: move it down."));
        };
        open.branches.push((current, std::mem::take(&mut self.items)));
        open.condition = condition;
        Ok(())
    }

    fn finish(mut self) -> (Vec<ScriptItem>, Vec<Fault>) {
        while let Some((open, before)) = self.outer.pop() {
            self.faults.push(Fault::new(
                open.line,
                "This `\\if` has no `\\endif`.",
                "Write `\\endif` on a line of its own after the last branch.",
            ));
            let last = std::mem::replace(&mut self.items, before);
            self.items.push(open.close(last));
        }
        (self.items, self.faults)
    }
}

impl OpenIf {
    /// Returns the item, `last` being the items of its last branch.
    fn close(mut self, last: Vec<ScriptItem>) -> ScriptItem {
        let otherwise = match self.condition {
            Some(condition) => {
                self.branches.push((condition, last));
                Vec::new()
            }
            None => last,
        };
        ScriptItem::If { branches: self.branches, otherwise, line: self.line }
    }
}

/// Returns the statement with NULL for every variable.
pub(super) fn with_null(pieces: &[Piece]) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Variable(_) => " NULL ".to_owned(),
    };
    pieces.iter().map(piece).collect()
}

fn has_null(pieces: &[Piece]) -> bool {
    pieces
        .iter()
        .any(|piece| matches!(piece, Piece::Text(text) if text.to_ascii_uppercase().contains("NULL")))
}

fn condition(name: &str, text: &str, line: u32, faults: &mut Vec<Fault>) -> Expression {
    expression::parse(text).unwrap_or_else(|error| {
        faults.push(bad_expression(name, &error.message, line));
        Expression::Null
    })
}

fn bad_expression(command: &str, message: &str, line: u32) -> Fault {
    let hint = "See \"pgbench: Built-In Operators\" and \"Built-In Functions\" in PostgreSQL's manual.";
    Fault::new(line, format!("The expression of `\\{command}` is not understood: {message}."), hint)
}

fn without_if(name: &str, line: u32) -> Fault {
    Fault::new(line, format!("`\\{name}` has no `\\if`."), "Write `\\if EXPRESSION` before it, or remove it.")
}

fn unknown(name: &str, line: u32) -> Fault {
    let hint = match name {
        "aset" => "`\\aset` keeps a row of each combined query: write one statement each, and `\\gset`.",
        "sleep" => {
            "Waiting is left to the experiments, which choose the order of steps themselves: remove it."
        }
        "shell" | "setshell" => "Scripts run no programs: give the value by `-- param:` or `\\set`.",
        "startpipeline" | "syncpipeline" | "endpipeline" => "Statements go one by one: remove it.",
        _ => UNDERSTOOD,
    };
    Fault::new(line, format!("The command `\\{name}` is not understood."), hint)
}
