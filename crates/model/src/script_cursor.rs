//! Walks a transaction script statement by statement: variables, `\set`, `\if` and `\gset` decided, nothing executed.

use std::collections::BTreeMap;

use crate::expression::{EvaluateError, Expression, Value};
use crate::script::{Piece, ScriptItem, ScriptStatement, TransactionScript};
use crate::sql_text::quote_nullable;

/// A place in a script, with the values of its variables.
///
/// Call [`next`](ScriptCursor::next) for the statement to send, and [`answered`](ScriptCursor::answered)
/// with the server's rows before the next call.
pub struct ScriptCursor<'s> {
    /// Items still to do, innermost block last.
    blocks: Vec<std::slice::Iter<'s, ScriptItem>>,
    variables: BTreeMap<String, Option<String>>,
    random: u64,
    waiting: Option<&'s ScriptStatement>,
}

/// Why a script cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptFault {
    /// An expression has no value.
    Expression(EvaluateError),
    /// A variable is used that nothing has set.
    Unset(String),
    /// `\gset` needs exactly one row.
    GsetRows(usize),
}

impl std::fmt::Display for ScriptFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ScriptFault::Expression(error) => write!(f, "an expression has no value: {error}"),
            ScriptFault::Unset(name) => write!(f, "the variable :{name} is not set"),
            ScriptFault::GsetRows(rows) => write!(f, "\\gset needs exactly one row and got {rows}"),
        }
    }
}

impl std::error::Error for ScriptFault {}

/// A statement to send.
#[derive(Clone, Debug, PartialEq)]
pub struct NextStatement<'s> {
    /// The script's statement.
    pub statement: &'s ScriptStatement,
    /// Its text with every variable replaced by its value as a literal.
    pub sql: String,
}

impl<'s> ScriptCursor<'s> {
    /// Returns a cursor at the script's start.
    ///
    /// `seed` makes the script's `random()` repeatable.
    pub fn new(
        script: &'s TransactionScript,
        variables: BTreeMap<String, Option<String>>,
        seed: u64,
    ) -> Self {
        ScriptCursor { blocks: vec![script.items.iter()], variables, random: seed | 1, waiting: None }
    }

    /// Returns the values of the variables now.
    pub fn variables(&self) -> &BTreeMap<String, Option<String>> {
        &self.variables
    }

    /// Returns the next statement to send, or `None` at the end.
    #[expect(
        clippy::should_implement_trait,
        reason = "it can fail and lends from the script, unlike an iterator"
    )]
    pub fn next(&mut self) -> Result<Option<NextStatement<'s>>, ScriptFault> {
        while let Some(block) = self.blocks.last_mut() {
            match block.next() {
                None => {
                    self.blocks.pop();
                }
                Some(ScriptItem::Set { variable, expression, .. }) => {
                    let value = self.evaluate(expression)?;
                    let text = (value != Value::Null).then(|| value.to_text());
                    self.variables.insert(variable.clone(), text);
                }
                Some(ScriptItem::If { branches, otherwise, .. }) => self.enter(branches, otherwise)?,
                Some(ScriptItem::Statement(statement)) => {
                    let sql = self.bind(statement)?;
                    self.waiting = statement.gset.is_some().then_some(statement);
                    return Ok(Some(NextStatement { statement, sql }));
                }
            }
        }
        Ok(None)
    }

    /// Takes the server's answer to the statement that [`next`](ScriptCursor::next) returned last.
    pub fn answered(&mut self, columns: &[String], rows: &[Vec<Option<String>>]) -> Result<(), ScriptFault> {
        let Some(statement) = self.waiting.take() else { return Ok(()) };
        let [row] = rows else { return Err(ScriptFault::GsetRows(rows.len())) };
        let prefix = statement.gset.as_deref().unwrap_or_default();
        for (column, value) in columns.iter().zip(row) {
            self.variables.insert(format!("{prefix}{column}"), value.clone());
        }
        Ok(())
    }

    fn enter(
        &mut self,
        branches: &'s [(Expression, Vec<ScriptItem>)],
        otherwise: &'s [ScriptItem],
    ) -> Result<(), ScriptFault> {
        for (condition, items) in branches {
            if self.evaluate(condition)?.truth() {
                self.blocks.push(items.iter());
                return Ok(());
            }
        }
        self.blocks.push(otherwise.iter());
        Ok(())
    }

    fn evaluate(&mut self, expression: &Expression) -> Result<Value, ScriptFault> {
        let ScriptCursor { variables, random, .. } = self;
        let mut values = BTreeMap::new();
        for name in expression.variables() {
            if let Some(text) = variables.get(name) {
                let value = text.as_deref().map_or(Ok(Value::Null), Value::from_text);
                values.insert(name, value.map_err(ScriptFault::Expression)?);
            }
        }
        let lookup = |name: &str| values.get(name).copied();
        let mut draw = |low: i64, high: i64| {
            let width = high.wrapping_sub(low).unsigned_abs().saturating_add(1);
            low.wrapping_add((next_random(random) % width) as i64)
        };
        expression.evaluate(&lookup, &mut draw).map_err(ScriptFault::Expression)
    }

    fn bind(&self, statement: &ScriptStatement) -> Result<String, ScriptFault> {
        let mut sql = String::new();
        for piece in &statement.pieces {
            match piece {
                Piece::Text(text) => sql.push_str(text),
                Piece::Variable(name) => {
                    let value = self.variables.get(name).ok_or_else(|| ScriptFault::Unset(name.clone()))?;
                    sql.push_str(&quote_nullable(value.as_deref()));
                }
            }
        }
        Ok(sql)
    }
}

/// Returns the next number of a xorshift64* generator (Vigna 2016): small, and good enough to spread a load.
fn next_random(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_F491_4F6C_DD1D)
}
