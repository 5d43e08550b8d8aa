//! Isolation levels.

/// An isolation level that PostgreSQL tells apart; READ UNCOMMITTED is READ COMMITTED there (manual,
/// "Transaction Isolation").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every statement has a snapshot of its own.
    ReadCommitted,
    /// One snapshot for the transaction.
    RepeatableRead,
    /// One snapshot, and dangerous structures of reads and writes are refused.
    Serializable,
}

/// Every level, weakest first.
pub const LEVELS: [Level; 3] = [Level::ReadCommitted, Level::RepeatableRead, Level::Serializable];

impl Level {
    /// Returns the level's name in lower case, as scenarios write it.
    pub fn name(self) -> &'static str {
        match self {
            Level::ReadCommitted => "read committed",
            Level::RepeatableRead => "repeatable read",
            Level::Serializable => "serializable",
        }
    }

    /// Returns the level with that name, whatever its case.
    pub fn named(name: &str) -> Option<Level> {
        LEVELS.into_iter().find(|level| level.name().eq_ignore_ascii_case(name))
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name().to_uppercase())
    }
}
