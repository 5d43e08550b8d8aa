//! The client's own record of commits that the server acknowledged. It decides what was lost, not the server.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use underpin_pg::{Address, Session};

use crate::error::LabError;

/// One acknowledged commit: its number, when the answer came, and from which primary.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acknowledged {
    pub(super) number: u64,
    pub(super) at: Instant,
    /// How many primaries there were before it. An answer of the killed one may still lie in the socket.
    epoch: u32,
}

/// What all clients share.
#[derive(Default)]
struct Shared {
    next: u64,
    acknowledged: Vec<Acknowledged>,
    /// Where clients connect to; none while nobody is primary.
    primary: Option<Address>,
    /// How many primaries there were.
    epoch: u32,
    ended: bool,
}

/// Clients that write one row per transaction, and their record.
#[derive(Clone, Default)]
pub(super) struct Ledger(Rc<RefCell<Shared>>);

/// The table, in a schema that neither checksums nor catalogs of the project count. It must be on every standby that the
/// project's own settings would not wait for.
const TABLE: &str = "SET synchronous_commit = on;
    CREATE SCHEMA IF NOT EXISTS underpin;
    CREATE TABLE underpin.ledger (number bigint PRIMARY KEY);
    GRANT USAGE ON SCHEMA underpin TO PUBLIC;
    GRANT SELECT, INSERT ON underpin.ledger TO PUBLIC";

/// Pause between attempts to reach the primary.
const RETRY: Duration = Duration::from_millis(5);

/// A write that takes longer is given up and not counted as acknowledged.
const PATIENCE: Duration = Duration::from_secs(2);

impl Ledger {
    /// Creates the table as superuser in the database where `writer` writes.
    pub(super) async fn prepare(superuser: &Address, writer: Address) -> Result<Ledger, LabError> {
        let session = Session::connect(superuser).await?;
        session.execute(TABLE).await?;
        session.close().await;
        let ledger = Ledger::default();
        ledger.point_to(Some(writer));
        Ok(ledger)
    }

    /// Tells clients who is primary.
    pub(super) fn point_to(&self, primary: Option<Address>) {
        let mut shared = self.0.borrow_mut();
        shared.epoch += 1;
        shared.primary = primary;
    }

    /// Lets clients end.
    pub(super) fn end(&self) {
        self.0.borrow_mut().ended = true;
    }

    /// Returns how many commits were acknowledged.
    pub(super) fn count(&self) -> usize {
        self.0.borrow().acknowledged.len()
    }

    /// Returns when the present primary acknowledged its first commit.
    pub(super) fn first_of_present(&self) -> Option<Instant> {
        let shared = self.0.borrow();
        shared.acknowledged.iter().filter(|one| one.epoch == shared.epoch).map(|one| one.at).min()
    }

    /// Returns the acknowledged commits that the server does not have.
    pub(super) async fn lost(&self, primary: &Address) -> Result<Vec<Acknowledged>, LabError> {
        let session = Session::connect(primary).await?;
        let rows = session.rows("SELECT number FROM underpin.ledger").await?;
        session.close().await;
        let there: BTreeSet<u64> = rows.column("number").filter_map(|number| number.parse().ok()).collect();
        Ok(self.0.borrow().acknowledged.iter().copied().filter(|one| !there.contains(&one.number)).collect())
    }

    /// Writes until the ledger ends, through every change of primary.
    pub(super) async fn client(self) {
        while !self.0.borrow().ended {
            let (primary, epoch) = (self.0.borrow().primary.clone(), self.0.borrow().epoch);
            let Some(primary) = primary else {
                tokio::time::sleep(RETRY).await;
                continue;
            };
            let address = primary.application_name("underpin ledger");
            let connected = tokio::select! {
                connected = Session::connect(&address) => connected,
                // A login that hangs is not waited for either.
                () = self.next_epoch(epoch) => continue,
            };
            if let Ok(session) = connected {
                self.write_through(&session, epoch).await;
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn next_epoch(&self, epoch: u32) {
        while self.0.borrow().epoch == epoch && !self.0.borrow().ended {
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Writes until a statement fails or takes too long.
    async fn write_through(&self, session: &Session, epoch: u32) {
        while !self.0.borrow().ended {
            let number = {
                let mut shared = self.0.borrow_mut();
                shared.next += 1;
                shared.next
            };
            let sql = format!("INSERT INTO underpin.ledger VALUES ({number})");
            let written = tokio::select! {
                written = tokio::time::timeout(PATIENCE, session.execute(&sql)) => written,
                // Whoever hangs on a server that answers nobody hears of the new one from its configuration.
                () = self.next_epoch(epoch) => return,
            };
            match written {
                Ok(Ok(_)) if session.take_notices().is_empty() => {
                    self.0.borrow_mut().acknowledged.push(Acknowledged { number, at: Instant::now(), epoch });
                }
                // A cancelled wait for the standby is answered with a warning: committed here, perhaps nowhere else.
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }
}
