//! Whether anything was committed since a moment, as the ids of transactions tell.
//!
//! Whatever changes a row needs a transaction id, and changes nothing unless that transaction commits (manual,
//! "Transactions and Identifiers"). On a server that nobody else uses, a few ids answer what summing every table
//! would answer, in a thousandth of the time.

use underpin_pg::Session;

use crate::error::LabError;

/// A moment in a server's history: the first transaction id that is not finished at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(u64);

impl Moment {
    /// Returns the present.
    pub(super) async fn now(session: &Session) -> Result<Moment, LabError> {
        let next = session.value("SELECT pg_snapshot_xmax(pg_current_snapshot())").await?;
        let next = next.and_then(|text| text.parse().ok());
        next.map(Moment)
            .ok_or_else(|| LabError::Unexpected("the server has no next transaction id".to_owned()))
    }

    /// Returns whether every transaction that got an id since then has been undone.
    ///
    /// One that is still running, or whose end the server has forgotten, counts as not undone.
    pub(super) async fn all_undone_since(self, session: &Session) -> Result<bool, LabError> {
        let sql = format!(
            "SELECT count(*) FROM generate_series({}, pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1) AS id \
             WHERE pg_xact_status(id::text::xid8) IS DISTINCT FROM 'aborted'",
            self.0
        );
        Ok(session.value(&sql).await?.as_deref() == Some("0"))
    }
}
