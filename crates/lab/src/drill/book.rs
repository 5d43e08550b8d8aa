//! The client's own record of commits in the order in which they happened: a book, two entries per transaction.
//!
//! Every transaction takes the next number from one row, which stays locked until it has committed: the numbers are the
//! order of the commits, and a recovered database must hold a whole beginning of them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use underpin_pg::{Address, Session};

use crate::error::LabError;

/// A commit that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) number: u64,
    request: u64,
    sent: SystemTime,
    pub(super) acknowledged: SystemTime,
}

#[derive(Default)]
struct Shared {
    next: u64,
    entries: Vec<Entry>,
    /// Requests without an answer: whether they committed only the server knows.
    open: BTreeMap<u64, SystemTime>,
    paused: bool,
    ended: bool,
    in_flight: usize,
    /// Where clients write; nowhere while the server is down.
    address: Option<Address>,
}

/// Clients that write, and their record.
#[derive(Clone, Default)]
pub(super) struct Book(Rc<RefCell<Shared>>);

/// Up to where a database must have the commits of the record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Upto {
    /// This moment of the clients' clock, which is the server's too.
    Moment(SystemTime),
    /// Just before this number.
    Number(u64),
}

/// A database compared with the record.
#[derive(Clone, Debug, Default)]
pub(super) struct Compared {
    /// Commits that must be there.
    pub(super) expected: usize,
    /// Commits that are there.
    pub(super) found: usize,
    /// Those that are there and need not be: their answer came later, or never.
    pub(super) in_flight: usize,
    /// Those that must be there and are not.
    pub(super) missing: Vec<u64>,
    /// Those that must not be there.
    pub(super) surplus: Vec<u64>,
    /// Those that are half there, or not as they were written.
    pub(super) torn: Vec<u64>,
}

/// Tables of the book, in a schema that neither checksums nor catalogs of the project count.
const TABLES: &str = include_str!("book.sql");

/// Pause between attempts.
const RETRY: Duration = Duration::from_millis(2);

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest pause until every client has its answer.
const PAUSE_LIMIT: Duration = Duration::from_secs(30);

impl Book {
    /// Creates the tables as superuser in the database where `writer` writes.
    pub(super) async fn prepare(superuser: &Address, writer: Address) -> Result<Book, LabError> {
        let session = Session::connect(superuser).await?;
        session.execute(TABLES).await?;
        session.close().await;
        let book = Book::default();
        book.point_to(Some(writer));
        Ok(book)
    }

    /// Tells clients where to write.
    pub(super) fn point_to(&self, address: Option<Address>) {
        self.0.borrow_mut().address = address;
    }

    /// Lets clients end.
    pub(super) fn end(&self) {
        self.0.borrow_mut().ended = true;
    }

    /// Tells whether clients were told to end.
    pub(super) fn ended(&self) -> bool {
        self.0.borrow().ended
    }

    /// Returns the acknowledged commits.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.0.borrow().entries.clone()
    }

    /// Returns how many commits were acknowledged.
    pub(super) fn count(&self) -> usize {
        self.0.borrow().entries.len()
    }

    /// Returns how many clients wait for an answer.
    pub(super) fn waiting(&self) -> usize {
        self.0.borrow().in_flight
    }

    /// Waits until every answer that still lies in a socket has been read; the server must be dead.
    pub(super) async fn settle(&self) {
        let start = std::time::Instant::now();
        while self.waiting() > 0 && start.elapsed() < PATIENCE {
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Takes lost commits out of the record, so that each is counted once.
    pub(super) fn forget(&self, numbers: &[u64]) {
        self.0.borrow_mut().entries.retain(|entry| !numbers.contains(&entry.number));
    }

    /// Holds the clients back until [`Book::resume`]; returns when none waits for an answer.
    pub(super) async fn pause(&self) -> Result<(), LabError> {
        self.0.borrow_mut().paused = true;
        let start = std::time::Instant::now();
        while self.0.borrow().in_flight > 0 {
            if start.elapsed() > PAUSE_LIMIT {
                let what = "holding the clients back".to_owned();
                return Err(LabError::Deadline { what, seconds: PAUSE_LIMIT.as_secs() });
            }
            tokio::time::sleep(RETRY).await;
        }
        Ok(())
    }

    /// Lets the clients go on.
    pub(super) fn resume(&self) {
        self.0.borrow_mut().paused = false;
    }

    /// Writes until the book ends, through every restart of the server.
    pub(super) async fn client(self) {
        while !self.ended() {
            let address = self.0.borrow().address.clone();
            if let Some(address) = address
                && let Ok(session) = Session::connect(&address.application_name("underpin book")).await
            {
                self.write_through(&session).await;
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn write_through(&self, session: &Session) {
        while !self.ended() {
            if self.0.borrow().paused {
                tokio::time::sleep(RETRY).await;
                continue;
            }
            let request = self.open_request();
            let sql = entry_sql(request);
            let answer = tokio::time::timeout(PATIENCE, session.value(&sql)).await;
            let number = answer.ok().and_then(Result::ok).flatten().and_then(|number| number.parse().ok());
            let mut shared = self.0.borrow_mut();
            shared.in_flight -= 1;
            let Some(number) = number else { return };
            if let Some(sent) = shared.open.remove(&request) {
                shared.entries.push(Entry { number, request, sent, acknowledged: SystemTime::now() });
            }
        }
    }

    fn open_request(&self) -> u64 {
        let mut shared = self.0.borrow_mut();
        shared.next += 1;
        shared.in_flight += 1;
        let request = shared.next;
        shared.open.insert(request, SystemTime::now());
        request
    }

    /// Compares a database with the record: the commits behind number `from`, up to `upto`.
    pub(super) async fn compare(
        &self,
        address: &Address,
        from: u64,
        upto: Upto,
    ) -> Result<Compared, LabError> {
        let found = read(address).await?;
        let shared = self.0.borrow();
        let own = |entry: &&Entry| entry.number > from;
        let must = |entry: &&Entry| match upto {
            Upto::Moment(at) => entry.acknowledged <= at,
            Upto::Number(number) => entry.number < number,
        };
        let may = |entry: &&Entry| match upto {
            Upto::Moment(at) => entry.sent <= at,
            Upto::Number(number) => entry.number < number,
        };
        let open_may = |request: u64| {
            let sent = shared.open.get(&request);
            sent.is_some_and(|sent| matches!(upto, Upto::Moment(at) if *sent <= at))
        };
        let must: BTreeSet<u64> =
            shared.entries.iter().filter(own).filter(must).map(|entry| entry.number).collect();
        let may: BTreeMap<u64, u64> = shared
            .entries
            .iter()
            .filter(own)
            .filter(may)
            .map(|entry| (entry.number, entry.request))
            .collect();
        let mut compared = Compared { expected: must.len(), found: found.len(), ..Compared::default() };
        compared.missing = must.iter().filter(|number| !found.contains_key(number)).copied().collect();
        for (number, written) in &found {
            if !may.contains_key(number) && !open_may(written.request) {
                compared.surplus.push(*number);
            } else if !written.whole() || may.get(number).is_some_and(|request| *request != written.request) {
                compared.torn.push(*number);
            } else if !must.contains(number) && *number > from {
                compared.in_flight += 1;
            }
        }
        Ok(compared)
    }
}

/// Returns one transaction: the number, and a debit and a credit that name it.
fn entry_sql(request: u64) -> String {
    let amount = amount(request);
    format!(
        "UPDATE underpin.book_head SET number = number + 1; INSERT INTO underpin.book \
         SELECT number, {request}, side, amount FROM underpin.book_head, (VALUES ('debit', -{amount}), ('credit', {amount})) AS leg (side, amount) \
         RETURNING number"
    )
}

fn amount(request: u64) -> u64 {
    request % 997 + 1
}

/// What one commit left in a database.
struct Written {
    request: u64,
    sides: u64,
    total: i64,
    amount: u64,
}

impl Written {
    fn whole(&self) -> bool {
        self.sides == 2 && self.total == 0 && self.amount == amount(self.request)
    }
}

async fn read(address: &Address) -> Result<BTreeMap<u64, Written>, LabError> {
    let session = Session::connect(address).await?;
    let sql = "SELECT number, request, count(*) AS sides, sum(amount) AS total, max(amount) AS amount \
               FROM underpin.book GROUP BY number, request";
    let rows = session.rows(sql).await?;
    session.close().await;
    let read = rows.iter().map(|row| {
        let number = |column: &str| row.int(column).unwrap_or_default();
        let written = Written {
            request: number("request") as u64,
            sides: number("sides") as u64,
            total: number("total"),
            amount: number("amount").unsigned_abs(),
        };
        (number("number") as u64, written)
    });
    Ok(read.collect())
}
