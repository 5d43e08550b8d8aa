//! Facts about one SQL statement, read from its text by the server's own grammar.

use serde::{Deserialize, Serialize};

/// One statement of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The text without the closing semicolon, leading comments left out.
    pub sql: String,
    /// Line of its first word, from 1.
    pub line: u32,
    /// What the grammar says about it.
    pub facts: StatementFacts,
    /// The lines that follow `COPY … FROM stdin` in the file, each with its newline, `\\.` left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_data: Option<String>,
}

/// What the grammar says about a statement, without a catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementFacts {
    /// What it does, in the coarse sense.
    pub verb: Verb,
    /// Node name of the grammar, such as `CreateStmt` or `IndexStmt`.
    pub node: String,
    /// Tables and views that the text names, with the access each suffers; CTE names left out.
    pub relations: Vec<RelationUse>,
    /// The server refuses it inside a transaction block (`CREATE INDEX CONCURRENTLY`, `VACUUM`, ...).
    pub refuses_transaction: bool,
}

/// The coarse kind of a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the SQL word itself")]
pub enum Verb {
    Select,
    Insert,
    Update,
    Delete,
    Merge,
    Copy,
    Truncate,
    Begin,
    Commit,
    Rollback,
    Savepoint,
    Set,
    Do,
    Call,
    Grant,
    Ddl,
    #[default]
    Other,
}

/// A relation named in a statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RelationUse {
    /// Schema, when the text gives one.
    pub schema: Option<String>,
    /// Name.
    pub name: String,
    /// What happens to it.
    pub access: Access,
}

/// What a statement does to a relation it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the word itself")]
pub enum Access {
    Read,
    Write,
    Define,
}
