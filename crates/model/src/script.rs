//! A multi-step write of the application: a transaction script in the pgbench dialect.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::expression::Expression;
use crate::project::Param;
use crate::statement::StatementFacts;

/// One file of `transactions/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransactionScript {
    /// `-- name:`, or the file's stem.
    pub name: String,
    /// File relative to the project.
    pub file: Utf8PathBuf,
    /// Variables that must be set before the run, from `-- param:`.
    pub params: Vec<Param>,
    /// `-- role:`; the project's application role when absent.
    pub role: Option<String>,
    /// Calls per second in production, from `-- rate:`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// The script.
    pub items: Vec<ScriptItem>,
}

/// One item of a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptItem {
    /// A SQL statement; a step.
    Statement(ScriptStatement),
    /// `\set variable expression`; the client's own, no step.
    Set {
        /// Variable that gets the value.
        variable: String,
        /// Its new value.
        expression: Expression,
        /// Line, from 1.
        line: u32,
    },
    /// `\if … \elif … \else … \endif`; the client's own, no step.
    If {
        /// Conditions and what runs when the first true one is met.
        branches: Vec<(Expression, Vec<ScriptItem>)>,
        /// What runs when none is true.
        otherwise: Vec<ScriptItem>,
        /// Line of the `\if`, from 1.
        line: u32,
    },
}

/// A SQL statement of a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScriptStatement {
    /// Text with the places of variables.
    pub pieces: Vec<Piece>,
    /// Line of its first word, from 1.
    pub line: u32,
    /// What the grammar says, read with every variable replaced by NULL.
    pub facts: StatementFacts,
    /// `\gset [prefix]` after it: columns of the only row become variables `prefix` + column name.
    pub gset: Option<String>,
}

/// A part of a statement's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Piece {
    /// Literal SQL.
    Text(String),
    /// `:name`: a value, as if bound (pgbench `-M extended`).
    Variable(String),
}

impl ScriptStatement {
    /// Returns the text as written, with `:name` in the places of variables.
    pub fn source(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Variable(name) => format!(":{name}"),
        };
        self.pieces.iter().map(piece).collect()
    }
}
