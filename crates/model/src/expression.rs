//! Expressions of transaction scripts: the subset of pgbench's that decides and counts.
//!
//! See the PostgreSQL manual, "pgbench: Meta Commands" and "Built-In Operators".

use serde::{Deserialize, Serialize};

/// A parsed expression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the form itself")]
pub enum Expression {
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
    Variable(String),
    Unary(String, Box<Expression>),
    Binary(String, Box<Expression>, Box<Expression>),
    /// `x IS [NOT] NULL|TRUE|FALSE`: the operand, the word, whether negated.
    Is(Box<Expression>, String, bool),
    /// `CASE WHEN … THEN … ELSE … END`.
    Case(Vec<(Expression, Expression)>, Option<Box<Expression>>),
    Call(String, Vec<Expression>),
}
